"""Time lines of tiles: the points of a window for flows, the values read since the start for all others."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from schemas.topics import DomainName
from stream.core.metrics.headlines import HEADLINES, Tile, labels_of, matches
from stream.core.metrics.metric import Family
from stream.core.model.time_buckets import MINUTE
from stream.core.windows.label_sets import TOTAL_LABELS
from stream.core.windows.rolling import CooperativeSteps
from stream.core.windows.timeline import TimelinePoint, timeline
from stream.exporter.domain_view import DomainView
from stream.exporter.live.figures import Figures

MAX_POINTS = 240
"""Maximum number of stored values of a figure, one a minute."""
MIN_REREAD_INTERVAL = 2_000
"""Minimum ms between two reads of the same time line."""


class Point(NamedTuple):
    """A point of a time line: its time in ms since the epoch, value, 95 % bounds and sample size, None if unknown."""

    at: int
    value: float | None
    low: float | None = None
    high: float | None = None
    n: float | None = None


class Timelines:
    """The time lines of `total`. They are read again when values of their window change."""

    def __init__(self, domain_views: Mapping[DomainName, DomainView], figures: Figures) -> None:
        self._views = domain_views
        self._figures = figures
        self._timelines: dict[tuple[str, int], tuple[TimelinePoint, ...]] = {}
        self._edges: dict[tuple[str, int], tuple[int, int]] = {}
        self._read_at: dict[tuple[str, int], int] = {}
        self._past: dict[tuple[Tile, int], deque[Point]] = {}
        self._minute = 0

    def update(self, window_index: int, monotonic_ms: int) -> CooperativeSteps:
        """Read the changed time lines of a window. `monotonic_ms` is the present in ms of a monotonic clock."""
        for domain, metric, _ in {shown.metric.name: shown for shown in HEADLINES}.values():
            domain_view, key = self._views[domain], (metric.name, window_index)
            edges = domain_view.windows.edges(window_index)
            is_changed = key in domain_view.updated or self._edges.get(key) != edges
            if (
                domain_view.state == "live"
                and is_changed
                and monotonic_ms - self._read_at.get(key, -MIN_REREAD_INTERVAL) >= MIN_REREAD_INTERVAL
            ):
                domain_view.updated.discard(key)
                self._edges[key], self._read_at[key] = edges, monotonic_ms
                points = []
                for point in timeline(domain_view.windows, metric, TOTAL_LABELS, window_index):
                    points += [] if point is None else [point]
                    yield
                self._timelines[key] = tuple(points)

    def record(self, now: int, windows: int) -> CooperativeSteps:
        """Store the present values of headlines without a time line, once a minute. `now` is in ms since the epoch."""
        if now // MINUTE == self._minute:
            return
        if now // MINUTE < self._minute:
            self._forget_after(now)
        self._minute = now // MINUTE
        for number, (domain, _, headline) in enumerate(HEADLINES):
            if headline.timeline_family is None and self._views[domain].state == "live":
                for window_index in range(windows if headline.family.windowed else 1):
                    for tile in self._figures.tiles(number):
                        value = self._figures.figure(tile, TOTAL_LABELS, window_index).value
                        past = self._past.setdefault((tile, window_index), deque(maxlen=MAX_POINTS))
                        past.append(Point(now, value))
                yield

    def _forget_after(self, now: int) -> None:
        """Remove the stored values of times that have not come, because the clock was set back."""
        for past in self._past.values():
            while past and past[-1].at > now:
                past.pop()

    def of(self, tile: Tile, window_index: int) -> list[Point]:
        """Return the time line of a tile in a window."""
        domain, metric, headline = HEADLINES[tile.number]
        if headline.timeline_family is None:
            return list(self._past.get((tile, window_index if headline.family.windowed else 0), ()))
        if not self._views[domain].is_served:
            return []
        wanted = labels_of(tile)
        families: tuple[Family | None, ...] = (headline.timeline_family,)
        if headline.timeline_family is headline.family:
            families = (*families, headline.low, headline.high, headline.sample_size)
        return [
            Point(point.start, *(_sum(point, family, wanted) for family in families))
            for point in self._timelines.get((metric.name, window_index), ())
        ]


def _sum(point: TimelinePoint, family: Family | None, wanted: Mapping[str, str]) -> float | None:
    values = [
        sample.value
        for sample in point.samples
        if sample.family is family and matches(sample.family, sample.labels, wanted)
    ]
    return sum(values) if values else None
