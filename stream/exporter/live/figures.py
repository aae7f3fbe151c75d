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
    """The value of a tile, its 95 % bounds and its sample size. None where there is no series."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: float | None = None


class Comparison(NamedTuple):
    """Value and sample size of a tile in the window before, the change from it, and its verdict. None if there is no change."""

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
            for values, _ in self.samples(headline.family, TOTAL_LABELS, window_index)
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
        return Figure(value, low, high, n)

    def comparison(self, tile: Tile, window_index: int) -> Comparison:
        """Return the change of a tile's figure for the view `total` from the window before."""
        _, metric, headline = HEADLINES[tile.number]
        if headline.family not in metric.compared:
            return Comparison()
        now = self.period(tile, TOTAL_LABELS, window_index)
        before = self.period(tile, TOTAL_LABELS, window_index, before=True)
        if now is None or before is None:
            return Comparison()
        change = change_of(headline, now, before)
        return Comparison(before.value, before.n, change, verdict(headline, change))

    def period(
        self, tile: Tile, labels: LabelSet, window_index: int, *, before: bool = False
    ) -> Period | None:
        """Return the figure of a tile in a window or the one before it, None if it has no value there."""
        headline = HEADLINES[tile.number].headline
        family, size = headline.family, headline.sample_size
        if before:
            family, size = previous(family), size and previous(size)
        wanted = labels_of(tile)
        value = self._sum(family, labels, window_index, wanted)
        if value is None:
            return None
        if size is None:
            return Period(value, None, {})
        n = self._sum(size, labels, window_index, {**wanted, **headline.sample_labels})
        return Period(value, n, dict(self.samples(size, labels, window_index)))

    def label_sets(self, family: Family, view: str, window_index: int) -> Iterator[LabelSet | None]:
        """Yield the label sets of a view that have series of a family in a window, and None after each step."""
        domain_view = self._view_of(family)
        wanted = window_index if family.windowed else None
        for labels, window in domain_view.exposition.keys(family) if domain_view.is_served else ():
            if labels.view == view and window == wanted:
                yield labels
            yield None

    def rows(self, tile: Tile, view: str, window_index: int) -> Iterator[tuple[LabelSet, Figure] | None]:
        """Yield the label sets of a view with their figures, and None after each step."""
        for labels in self.label_sets(HEADLINES[tile.number].headline.family, view, window_index):
            yield None if labels is None else (labels, self.figure(tile, labels, window_index))

    def samples(
        self, family: Family, labels: LabelSet, window_index: int
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield the own label values and values of a family's series for a label set and the index of a window."""
        domain_view = self._view_of(family)
        if domain_view.is_served:
            yield from domain_view.exposition.samples(
                family, (labels, window_index if family.windowed else None)
            )

    def _view_of(self, family: Family) -> DomainView:
        return self._views[DOMAIN_OF_FAMILY[family.name]]

    def _sum(
        self, family: Family, labels: LabelSet, window_index: int, wanted: Mapping[str, str]
    ) -> float | None:
        matching = [
            n for values, n in self.samples(family, labels, window_index) if matches(family, values, wanted)
        ]
        return sum(matching) if matching else None
