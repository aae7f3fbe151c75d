"""The values of tiles, parsed from the rendered exposition, so that the page cannot differ from `/metrics`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.topics import DomainName
from stream.core.metrics.changes import Change, Period, Verdict, change_of, verdict
from stream.core.metrics.headlines import (
    DOMAIN_OF_FAMILY,
    HEADLINES,
    Tile,
    label_pattern,
    labels_of,
    matches,
)
from stream.core.metrics.metric import Family, previous
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.exporter.domain_view import DomainView


class Figure(NamedTuple):
    """The value of a tile, its 95 % bounds and its sample size. None where there is no series.

    `before` and `n_before` are value and sample size in the window before, `change` is the change from it, `verdict` what that is worth.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: float | None = None
    before: float | None = None
    n_before: float | None = None
    change: Change | None = None
    verdict: Verdict = ""


class Figures:
    """Reads figures from the expositions of all domains."""

    def __init__(self, domain_views: Mapping[DomainName, DomainView], windows: int) -> None:
        self._views = domain_views
        self._window_indexes = range(windows)

    def tiles(self, number: int) -> list[Tile]:
        """Return the tiles of a headline, by its number: one for each combination of values of its open labels.

        Without a series in any window there is one tile, if there is a sample size.
        """
        headline = HEADLINES[number].headline
        wanted = label_pattern(headline)
        matching = {
            Tile(number, values)
            for window_index in (self._window_indexes if headline.family.windowed else (0,))
            for values, _ in self._samples(headline.family, TOTAL_LABELS, window_index)
            if all(want in (None, have) for want, have in zip(wanted, values, strict=True))
        }
        if (
            not matching
            and headline.sample_size
            and self._sum(headline.sample_size, TOTAL_LABELS, 0, {}) is not None
        ):
            matching = {Tile(number, tuple(value or "" for value in wanted))}
        return sorted(matching)

    def figure(self, tile: Tile, labels: LabelSet, window_index: int) -> Figure:
        """Return the figure of a tile for a label set and the index of a window."""
        headline = HEADLINES[tile.number].headline
        wanted = labels_of(tile)
        families = (headline.family, headline.low, headline.high)
        value, low, high = (family and self._sum(family, labels, window_index, wanted) for family in families)
        of_samples = {**wanted, **headline.sample_labels}
        n = headline.sample_size and self._sum(headline.sample_size, labels, window_index, of_samples)
        figure = Figure(value, low, high, n)
        if headline.family not in HEADLINES[tile.number].metric.compared:
            return figure
        before = self._sum(previous(headline.family), labels, window_index, wanted)
        n_before = headline.sample_size and self._sum(
            previous(headline.sample_size), labels, window_index, of_samples
        )
        figure = figure._replace(before=before, n_before=n_before)
        if value is None or before is None:
            return figure
        size = headline.sample_size
        change = change_of(
            headline,
            Period(value, n, self._by_own_labels(size, labels, window_index)),
            Period(before, n_before, self._by_own_labels(size and previous(size), labels, window_index)),
        )
        return figure._replace(change=change, verdict=verdict(headline, change))

    def _by_own_labels(
        self, family: Family | None, labels: LabelSet, window_index: int
    ) -> dict[tuple[str, ...], float]:
        return {} if family is None else dict(self._samples(family, labels, window_index))

    def rows(self, tile: Tile, view: str, window_index: int) -> Iterator[tuple[LabelSet, Figure] | None]:
        """Yield the label sets of a view with their figures, and None after each step."""
        family = HEADLINES[tile.number].headline.family
        domain_view = self._view_of(family)
        wanted = window_index if family.windowed else None
        for labels, window in domain_view.exposition.keys(family) if domain_view.is_served else ():
            if labels.view == view and window == wanted:
                yield labels, self.figure(tile, labels, window_index)
            yield None

    def _view_of(self, family: Family) -> DomainView:
        return self._views[DOMAIN_OF_FAMILY[family.name]]

    def _samples(
        self, family: Family, labels: LabelSet, window_index: int
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        domain_view = self._view_of(family)
        if domain_view.is_served:
            yield from domain_view.exposition.samples(
                family, (labels, window_index if family.windowed else None)
            )

    def _sum(
        self, family: Family, labels: LabelSet, window_index: int, wanted: Mapping[str, str]
    ) -> float | None:
        matching = [
            n for values, n in self._samples(family, labels, window_index) if matches(family, values, wanted)
        ]
        return sum(matching) if matching else None
