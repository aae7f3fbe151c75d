"""Time lines of tiles: pieces of a window where the figure can be cut, else what was read since the start."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from stream.core.buckets import MINUTE
from stream.core.domain import Name
from stream.core.metric import Family
from stream.core.windowing.groups import TOTAL
from stream.core.windowing.pieces import Piece, pieces
from stream.core.windows import Steps
from stream.exporter.board import Board
from stream.exporter.live.figures import Figures
from stream.exporter.live.tiles import HEADLINES, Tile, agrees, labels_of

KEPT = 240
"""Readings that are kept of a figure, one a minute."""
REST = 2_000
"""Ms between two times that the same pieces are read."""


class Point(NamedTuple):
    """A moment (ms since the epoch) of a time line; None is what there is not."""

    at: int
    value: float | None
    low: float | None = None
    high: float | None = None
    n: float | None = None


class Lines:
    """The time lines of `total`. Pieces are read again when figures of their window have changed."""

    def __init__(self, boards: Mapping[Name, Board], figures: Figures) -> None:
        self._boards = boards
        self._figures = figures
        self._pieces: dict[tuple[str, int], tuple[Piece, ...]] = {}
        self._edges: dict[tuple[str, int], tuple[int, int]] = {}
        self._read: dict[tuple[str, int], int] = {}
        self._past: dict[tuple[Tile, int], deque[Point]] = {}
        self._minute = 0

    def look(self, slot: int, steady: int) -> Steps:
        """Read again the pieces of a window that have changed. `steady` in ms."""
        for domain, metric, _ in {shown.metric.name: shown for shown in HEADLINES}.values():
            board, key = self._boards[domain], (metric.name, slot)
            edges = board.windows.edges(slot)
            stale = key in board.moved or self._edges.get(key) != edges
            if board.state == "live" and stale and steady - self._read.get(key, -REST) >= REST:
                board.moved.discard(key)
                self._edges[key], self._read[key] = edges, steady
                found = []
                for piece in pieces(board.windows, metric, TOTAL, slot):
                    found += [] if piece is None else [piece]
                    yield
                self._pieces[key] = tuple(found)

    def remember(self, now: int, windows: int) -> Steps:
        """Keep what cannot be cut into pieces as it is read now, once a minute. `now` in ms."""
        if now // MINUTE <= self._minute:
            return
        self._minute = now // MINUTE
        for number, (domain, _, headline) in enumerate(HEADLINES):
            if headline.over_time is None and self._boards[domain].state == "live":
                for slot in range(windows if headline.family.windowed else 1):
                    for tile in self._figures.tiles(number):
                        value = self._figures.figure(tile, TOTAL, slot).value
                        past = self._past.setdefault((tile, slot), deque(maxlen=KEPT))
                        past.append(Point(now, value))
                yield

    def of(self, tile: Tile, slot: int) -> list[Point]:
        """The time line of a tile."""
        domain, metric, headline = HEADLINES[tile.number]
        if headline.over_time is None:
            return list(self._past.get((tile, slot if headline.family.windowed else 0), ()))
        if not self._boards[domain].shown:
            return []
        wanted = labels_of(tile)
        whole = headline.over_time is headline.family
        beside = (headline.low, headline.high, headline.n) if whole else (None, None, None)
        return [
            Point(piece.start, *(_sum(piece, family, wanted) for family in (headline.over_time, *beside)))
            for piece in self._pieces.get((metric.name, slot), ())
        ]


def _sum(piece: Piece, family: Family | None, wanted: Mapping[str, str]) -> float | None:
    found = [value for of, values, value in piece.samples if of is family and agrees(of, values, wanted)]
    return sum(found) if found else None
