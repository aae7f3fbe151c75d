"""Tiles of the live page: headlines for given label values, and their names in URLs."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from schemas.topics import DOMAINS, DomainName
from stream.core.metrics import BY_DOMAIN
from stream.core.metrics.metric import Family, Headline, Metric


class Tile(NamedTuple):
    """A headline by its position in `HEADLINES`, and the values of its family's own labels ("" if not known)."""

    number: int
    values: tuple[str, ...]


class MetricHeadline(NamedTuple):
    """A headline with its metric and domain."""

    domain: DomainName
    metric: Metric
    headline: Headline

    @property
    def is_compared_mean(self) -> bool:
        """Whether its figure is the mean of a sample, exposed for the window before, too: its change can be decomposed."""
        return self.headline.family in self.metric.compared and self.headline.sample_size is not None


HEADLINES: tuple[MetricHeadline, ...] = tuple(
    MetricHeadline(domain, metric, headline)
    for domain in DOMAINS
    for metric in BY_DOMAIN[domain]
    for headline in metric.headlines
)
LEAD_TITLES = (
    "Created by customers",
    "Waiting over target",
    "FRT within target",
    "CSAT",
    "NPS",
    "FCR",
    "Churn",
    "Revenue of detractors",
)
LEAD: tuple[MetricHeadline, ...] = tuple(
    shown for title in LEAD_TITLES for shown in HEADLINES if shown.headline.title == title
)
"""The figures that whoever leads support asks for first, in this order: load, speed, quality, and what it costs."""
DISPLAY_ORDER: tuple[int, ...] = tuple(
    map(HEADLINES.index, (*LEAD, *(shown for shown in HEADLINES if shown not in LEAD)))
)
"""The numbers of all headlines in the order of the live page."""
DOMAIN_OF_FAMILY: Mapping[str, DomainName] = {
    family.name: domain
    for domain in DOMAINS
    for metric in BY_DOMAIN[domain]
    for family in metric.all_families
}
"""The domain of a family by its name."""


def label_pattern(headline: Headline) -> tuple[str | None, ...]:
    """Return the values of the labels of the headline's family. None matches any value."""
    return headline.labels or (None,) * len(headline.family.labels)


def tile_of(shown: MetricHeadline) -> Tile:
    """Return the tile of a headline. Values of labels that are not fixed are not known."""
    return Tile(HEADLINES.index(shown), tuple(value or "" for value in label_pattern(shown.headline)))


def fits(tile: Tile) -> bool:
    """Return whether a tile's values match the label pattern of its headline."""
    pattern = label_pattern(HEADLINES[tile.number].headline)
    return len(pattern) == len(tile.values) and all(
        wanted in (None, value) for wanted, value in zip(pattern, tile.values, strict=True)
    )


def labels_of(tile: Tile) -> dict[str, str]:
    """Return the labels of a tile's series by name. Those that are not known are left out."""
    names = HEADLINES[tile.number].headline.family.labels
    return {name: value for name, value in zip(names, tile.values, strict=True) if value}


def matches(family: Family, values: tuple[str, ...], wanted: Mapping[str, str]) -> bool:
    """Return whether a sample of a family has the wanted values. Wanted labels that the family lacks are ignored."""
    return all(wanted.get(name, value) == value for name, value in zip(family.labels, values, strict=True))


def encode(tile: Tile) -> str:
    """Return the name of a tile for URLs: the name of its family and the values, separated by slashes."""
    family = HEADLINES[tile.number].headline.family
    return "/".join([family.name, *(quote(value, safe="") for value in tile.values)])


def decode(name: str) -> Tile | None:
    """Return the tile with a name, None if no headline matches it."""
    family, *values = name.split("/")
    possible = (
        Tile(number, tuple(map(unquote, values)))
        for number, shown in enumerate(HEADLINES)
        if shown.headline.family.name == family
    )
    return next((tile for tile in possible if fits(tile)), None)
