"""The figures of tiles, taken from the very text that is served: a page cannot say something else than `/metrics`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stream.core.domain import Name
from stream.core.metric import Family
from stream.core.windowing.groups import TOTAL, LabelSet
from stream.exporter.board import Board
from stream.exporter.live.tiles import DOMAIN_OF, HEADLINES, Tile, agrees, labels_of, pattern


class Figure(NamedTuple):
    """What a tile shows: None is what there is not."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: float | None = None


class Figures:
    """A view on the sections of all domains."""

    def __init__(self, boards: Mapping[Name, Board], windows: int) -> None:
        self._boards = boards
        self._slots = range(windows)

    def tiles(self, number: int) -> list[Tile]:
        """A headline's tiles: those that have a figure in any window, else one while there is a sample size."""
        headline = HEADLINES[number].headline
        wanted = pattern(headline)
        found = {
            Tile(number, values)
            for slot in (self._slots if headline.family.windowed else (0,))
            for values, _ in self._samples(headline.family, TOTAL, slot)
            if all(want in (None, have) for want, have in zip(wanted, values, strict=True))
        }
        if not found and headline.n and self._sum(headline.n, TOTAL, 0, {}) is not None:
            found = {Tile(number, tuple(value or "" for value in wanted))}
        return sorted(found)

    def figure(self, tile: Tile, labels: LabelSet, slot: int) -> Figure:
        """What a tile shows of a label set in a window."""
        headline = HEADLINES[tile.number].headline
        wanted = labels_of(tile)
        families = (headline.family, headline.low, headline.high, headline.n)
        return Figure(*(family and self._sum(family, labels, slot, wanted) for family in families))

    def rows(self, tile: Tile, view: str, slot: int) -> Iterator[tuple[LabelSet, Figure] | None]:
        """The label sets of a view that have a figure; None after some work."""
        family = HEADLINES[tile.number].headline.family
        board = self._board(family)
        window = slot if family.windowed else None
        for labels, where in board.section.places(family) if board.shown else ():
            if labels.view == view and where == window:
                yield labels, self.figure(tile, labels, slot)
            yield None

    def _board(self, family: Family) -> Board:
        return self._boards[DOMAIN_OF[family.name]]

    def _samples(
        self, family: Family, labels: LabelSet, slot: int
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        board = self._board(family)
        if board.shown:
            yield from board.section.samples(family, (labels, slot if family.windowed else None))

    def _sum(self, family: Family, labels: LabelSet, slot: int, wanted: Mapping[str, str]) -> float | None:
        found = [n for values, n in self._samples(family, labels, slot) if agrees(family, values, wanted)]
        return sum(found) if found else None
