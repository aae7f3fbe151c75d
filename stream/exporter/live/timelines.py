"""Time lines of tiles: pieces of a window where the figure can be cut, else what was read since the start."""

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
"""Readings that are kept of a figure, one a minute."""
MIN_REREAD_INTERVAL = 2_000
"""Ms between two times that the same pieces are read."""


class Point(NamedTuple):
    """A moment (ms since the epoch) of a time line; None is what there is not."""

    at: int
    value: float | None
    low: float | None = None
    high: float | None = None
    n: float | None = None


class Timelines:
    """The time lines of `total`. Pieces are read again when figures of their window have changed."""

    def __init__(self, domain_views: Mapping[DomainName, DomainView], figures: Figures) -> None:
        self._boards = domain_views
        self._figures = figures
        self._timelines: dict[tuple[str, int], tuple[TimelinePoint, ...]] = {}
        self._edges: dict[tuple[str, int], tuple[int, int]] = {}
        self._read: dict[tuple[str, int], int] = {}
        self._past: dict[tuple[Tile, int], deque[Point]] = {}
        self._minute = 0

    def update(self, window_index: int, monotonic_ms: int) -> CooperativeSteps:
        """Read again the pieces of a window that have changed. `steady` in ms."""
        for domain, metric, _ in {shown.metric.name: shown for shown in HEADLINES}.values():
            domain_view, key = self._boards[domain], (metric.name, window_index)
            edges = domain_view.windows.edges(window_index)
            stale = key in domain_view.updated or self._edges.get(key) != edges
            if (
                domain_view.state == "live"
                and stale
                and monotonic_ms - self._read.get(key, -MIN_REREAD_INTERVAL) >= MIN_REREAD_INTERVAL
            ):
                domain_view.updated.discard(key)
                self._edges[key], self._read[key] = edges, monotonic_ms
                points = []
                for piece in timeline(domain_view.windows, metric, TOTAL_LABELS, window_index):
                    points += [] if piece is None else [piece]
                    yield
                self._timelines[key] = tuple(points)

    def record(self, now: int, windows: int) -> CooperativeSteps:
        """Keep what cannot be cut into pieces as it is read now, once a minute. `now` in ms."""
        if now // MINUTE <= self._minute:
            return
        self._minute = now // MINUTE
        for number, (domain, _, headline) in enumerate(HEADLINES):
            if headline.timeline_family is None and self._boards[domain].state == "live":
                for window_index in range(windows if headline.family.windowed else 1):
                    for tile in self._figures.tiles(number):
                        value = self._figures.figure(tile, TOTAL_LABELS, window_index).value
                        past = self._past.setdefault((tile, window_index), deque(maxlen=MAX_POINTS))
                        past.append(Point(now, value))
                yield

    def of(self, tile: Tile, window_index: int) -> list[Point]:
        """The time line of a tile."""
        domain, metric, headline = HEADLINES[tile.number]
        if headline.timeline_family is None:
            return list(self._past.get((tile, window_index if headline.family.windowed else 0), ()))
        if not self._boards[domain].is_served:
            return []
        wanted = labels_of(tile)
        whole = headline.timeline_family is headline.family
        beside = (headline.low, headline.high, headline.sample_size) if whole else (None, None, None)
        return [
            Point(
                piece.start, *(_sum(piece, family, wanted) for family in (headline.timeline_family, *beside))
            )
            for piece in self._timelines.get((metric.name, window_index), ())
        ]


def _sum(piece: TimelinePoint, family: Family | None, wanted: Mapping[str, str]) -> float | None:
    points = [value for of, values, value in piece.samples if of is family and matches(of, values, wanted)]
    return sum(points) if points else None
