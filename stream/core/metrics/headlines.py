"""Tiles: a headline for certain values of its labels, and what it is called in addresses."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from schemas.topics import DOMAINS, DomainName
from stream.core.metrics import BY_DOMAIN
from stream.core.metrics.metric import Family, Headline, Metric


class Tile(NamedTuple):
    """A headline, by its number among all, and the values of its family's own labels; "" for one that is not known."""

    number: int
    values: tuple[str, ...]


class MetricHeadline(NamedTuple):
    """A headline with what it belongs to."""

    domain: DomainName
    metric: Metric
    headline: Headline


HEADLINES: tuple[MetricHeadline, ...] = tuple(
    MetricHeadline(domain, metric, headline)
    for domain in DOMAINS
    for metric in BY_DOMAIN[domain]
    for headline in metric.headlines
)
DOMAIN_OF_FAMILY: Mapping[str, DomainName] = {
    family.name: domain for domain in DOMAINS for metric in BY_DOMAIN[domain] for family in metric.families
}
"""The domain of a family by its name."""


def label_pattern(headline: Headline) -> tuple[str | None, ...]:
    """The values of its family's labels, None where any will do."""
    return headline.labels or (None,) * len(headline.family.labels)


def fits(tile: Tile) -> bool:
    """Whether its values are ones that its headline can have."""
    wanted = label_pattern(HEADLINES[tile.number].headline)
    return len(wanted) == len(tile.values) and all(
        want in (None, have) for want, have in zip(wanted, tile.values, strict=True)
    )


def labels_of(tile: Tile) -> dict[str, str]:
    """The labels of its figure by name; those that are not known are left out."""
    names = HEADLINES[tile.number].headline.family.labels
    return {name: value for name, value in zip(names, tile.values, strict=True) if value}


def matches(family: Family, values: tuple[str, ...], wanted: Mapping[str, str]) -> bool:
    """Whether a sample of a family has the wanted values of those labels that it has."""
    return all(wanted.get(name, value) == value for name, value in zip(family.labels, values, strict=True))


def encode(tile: Tile) -> str:
    """Its name: that of the family, and the values."""
    family = HEADLINES[tile.number].headline.family
    return "/".join([family.name, *(quote(value, safe="") for value in tile.values)])


def decode(name: str) -> Tile | None:
    """The tile with this name; None when there can be none."""
    family, *values = name.split("/")
    possible = (
        Tile(number, tuple(map(unquote, values)))
        for number, shown in enumerate(HEADLINES)
        if shown.headline.family.name == family
    )
    return next((tile for tile in possible if fits(tile)), None)
