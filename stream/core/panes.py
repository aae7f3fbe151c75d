"""The panes of one source partition: leaf deltas go in once a flush, changed blocks come out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from stream.core.buckets import (
    BY_CODE,
    HOURS,
    MINUTE,
    ROLLING,
    STANDING,
    TOTAL,
    Resolution,
)
from stream.core.rules import Rules
from stream.core.tally import LAST, SHIFT, Deltas, Extra, Leaf, Tally, Vector

_encode = msgspec.msgpack.Encoder().encode

EXPANDED = 50_000
"""Leaves whose cells are remembered."""

_ROLLING_CODES = {resolution.code for resolution in ROLLING}
_CODE_BITS = 3
_CODES = (1 << _CODE_BITS) - 1
"""The bits of a block's number within its cell that tell its resolution."""

Row = tuple[bytes, bytes | None]
"""A record of a compacted topic: key, value or None for a tombstone."""


class Cell(NamedTuple):
    """A tally in one breakdown: `view` and the values of its labels, and the tally's own labels."""

    tally: str
    view: str
    values: tuple[str, ...]
    extra: Extra


class Key(NamedTuple):
    """A block of one cell: resolution code, block number."""

    resolution: int
    block: int
    cell: Cell


_Raw = tuple[int, int, tuple[str, str, tuple[str, ...], tuple[str, ...]]]
_decode_key = msgspec.msgpack.Decoder(_Raw).decode
decode_block = msgspec.msgpack.Decoder(dict[int, int]).decode
"""Block bytes to `{position << SHIFT | component: integer}`."""


def decode_key(raw: bytes) -> Key:
    """The key of a block record. Raises `msgspec.DecodeError` for anything else."""
    resolution, block, cell = _decode_key(raw)
    return Key(resolution, block, Cell(*cell))


class Shelf:
    """The blocks of one cell, by `number_of` each."""

    __slots__ = "blocks", "cell", "tally"

    def __init__(self, cell: Cell, tally: Tally) -> None:
        self.cell = cell
        self.tally = tally
        self.blocks: dict[int, Vector] = {}


def number_of(resolution: int, block: int) -> int:
    """A block's resolution and number in one."""
    return block << _CODE_BITS | resolution


class Grid(dict[int, tuple[tuple[int, int], ...]]):
    """Where the panes of a minute lie that are held: number of the block, and first place of the pane in it."""

    def __init__(self, held: Iterable[tuple[Resolution, int]]) -> None:
        super().__init__()
        self._held = tuple(held)
        """Resolutions, each with its oldest block."""

    def __missing__(self, minute: int) -> tuple[tuple[int, int], ...]:
        found = []
        for resolution, oldest in self._held:
            block, pane = divmod(minute // (resolution.step // MINUTE or 1), resolution.per_block)
            if block >= oldest:
                found.append((number_of(resolution.code, block), pane << SHIFT))
        panes = self[minute] = tuple(found)
        return panes


class Panes:
    """Blocks by cell, with those that changed since `rows` was last taken."""

    def __init__(self, rules: Rules, tallies: Mapping[str, Tally]) -> None:
        self.rules = rules
        self.tallies = tallies
        self.floor = 0
        """Watermark of the last expiry: what is older than it less its keep has been deleted and stays so."""
        self._shelves: dict[Cell, Shelf] = {}
        self._changed: defaultdict[Shelf, set[int]] = defaultdict(set)
        """Numbers of blocks to be written; what is no more is a tombstone."""
        self._rolling: dict[tuple[int, bool], dict[int, list[Shelf]]] = {}
        """Who has blocks that expire, by resolution, whether they are remembered, and block."""
        self._expanded: dict[Leaf, tuple[Shelf, ...]] = {}
        self._numbers: dict[int, int] = {}
        """While restoring: one object for each number, however many cells have such a block."""
        self._untidy = False
        """Whether there may be cells without blocks that no block will come to again."""

    @property
    def blocks(self) -> dict[Key, Vector]:
        """A copy of all blocks, by key."""
        return {
            Key(number & _CODES, number >> _CODE_BITS, shelf.cell): block.copy()
            for shelf in self._shelves.values()
            for number, block in shelf.blocks.items()
        }

    @property
    def cells(self) -> Iterator[Cell]:
        """The cells that have blocks."""
        return (shelf.cell for shelf in self._shelves.values() if shelf.blocks)

    def __len__(self) -> int:
        """How many blocks there are, for any thread to ask."""
        return sum(len(shelf.blocks) for shelf in list(self._shelves.values()))

    def keep(self, resolution: Resolution, tally: Tally) -> int:
        """How long panes of a resolution are held behind the watermark."""
        if resolution.keep is not None:
            return resolution.keep
        return self.rules.kept_remembered if tally.remembered else self.rules.kept

    def oldest(self, resolution: Resolution, tally: Tally) -> int:
        """Number of the oldest block that is held: blocks go whole."""
        return max(0, self.floor - self.keep(resolution, tally)) // resolution.span

    def settle(self, deltas: Deltas) -> None:
        """Expand leaf deltas to every view and resolution; older than what is held is dropped."""
        added: dict[Shelf, Vector] = {}
        for leaf, delta in deltas.items():
            for shelf in self._expanded.get(leaf) or self._expand(leaf):
                into = added.get(shelf)
                if into is None:
                    added[shelf] = delta.copy()
                else:
                    for place, n in delta.items():
                        into[place] = into.get(place, 0) + n
        grids = {name: self._grid(tally) for name, tally in self.tallies.items()}
        for shelf, delta in added.items():
            self._add(shelf, delta, grids[shelf.tally.name])

    def _grid(self, tally: Tally) -> Grid:
        if tally.kind in ("stock", "standing"):
            return Grid([(TOTAL if tally.kind == "stock" else STANDING, 0)])
        return Grid((resolution, self.oldest(resolution, tally)) for resolution in ROLLING)

    def _expand(self, leaf: Leaf) -> tuple[Shelf, ...]:
        """Where the cells of a leaf are: one in each view whose labels it all has."""
        if len(self._expanded) >= EXPANDED:
            self._expanded.clear()
        tally, values, extra = leaf
        shelves = []
        for view, pick in self.rules.picks:
            picked = tuple(v for i in pick if (v := values[i]) is not None)
            if len(picked) == len(pick):
                shelves.append(self._shelf(Cell(tally, view, picked, extra)))
        found = self._expanded[leaf] = tuple(shelves)
        return found

    def _shelf(self, cell: Cell) -> Shelf:
        shelf = self._shelves.get(cell)
        if shelf is None:
            tally = self.tallies.get(cell.tally) or Tally(cell.tally)  # restored, and no more
            shelf = self._shelves[cell] = Shelf(cell, tally)
        return shelf

    def _add(self, shelf: Shelf, delta: Vector, grid: Grid) -> None:
        """Add to the panes of a cell."""
        blocks, touched = shelf.blocks, set[int]()
        minute, panes = -1, list[tuple[Vector, int]]()
        for place, n in delta.items():
            if not n:
                continue
            if place >> SHIFT != minute:  # neighbours mostly share theirs
                minute = place >> SHIFT
                panes = []
                for number, first in grid[minute]:
                    block = blocks.get(number)
                    if block is None:
                        block = blocks[number] = {}
                        self._index(shelf, number)
                    touched.add(number)
                    panes.append((block, first))
            component = place & LAST
            for block, first in panes:
                packed = first | component
                total = block.get(packed, 0) + n
                if total:
                    block[packed] = total
                else:
                    del block[packed]
        self._changed[shelf] |= touched
        for number in touched:
            if not blocks[number]:
                del blocks[number]

    def _index(self, shelf: Shelf, number: int) -> None:
        code = number & _CODES
        if code in _ROLLING_CODES:
            by_block = self._rolling.setdefault((code, shelf.tally.remembered), {})
            by_block.setdefault(number >> _CODE_BITS, []).append(shelf)

    def expire(self, watermark: int) -> bool:
        """Delete blocks that ended before what is held at `watermark`, which never goes back.

        True when blocks of hours went: of their cells there may be nothing left.
        """
        self.floor = max(self.floor, watermark)
        hours = False
        for (code, remembered), by_block in self._rolling.items():
            edge = self.oldest(BY_CODE[code], Tally("", remembered=remembered))
            for block in [block for block in by_block if block < edge]:
                number = number_of(code, block)
                for shelf in by_block.pop(block):
                    if shelf.blocks.pop(number, None) is not None:
                        self._changed[shelf].add(number)
                        hours = hours or code == HOURS.code
        self._untidy = self._untidy or hours
        return hours

    def rows(self) -> Iterator[Row]:
        """What changed since the last call, as records: absolute blocks and tombstones."""
        changed, self._changed = self._changed, defaultdict(set)
        for shelf, numbers in changed.items():
            for number in numbers:
                key = number & _CODES, number >> _CODE_BITS, shelf.cell  # as a `Key`, made faster
                block = shelf.blocks.get(number)
                yield _encode(key), None if block is None else _encode(block)
        if self._untidy:
            self._tidy()

    def _tidy(self) -> None:
        """Forget the cells of which nothing is left."""
        self._shelves = {cell: shelf for cell, shelf in self._shelves.items() if shelf.blocks}
        self._expanded.clear()
        self._untidy = False

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in a record that was written before."""
        resolution, block, cell = decode_key(key)
        shelf, number = self._shelf(cell), number_of(resolution, block)
        if value is None:
            shelf.blocks.pop(number, None)
            return
        if number not in shelf.blocks:
            self._index(shelf, number)
        shelf.blocks[self._numbers.setdefault(number, number)] = decode_block(value)

    def ready(self) -> None:
        """End of restoring."""
        self._numbers = {}
        self._tidy()

    def clear(self) -> None:
        """Forget every block, to be made anew under other rules."""
        for shelf in self._shelves.values():
            self._changed[shelf].update(shelf.blocks)
            shelf.blocks.clear()
        self._rolling.clear()
        self._untidy = True


def unpack(resolution: int, block: int, vector: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """(bucket number, component, integer) of each pane in a block."""
    first = block * BY_CODE[resolution].per_block
    for packed, n in vector.items():
        yield first + (packed >> SHIFT), packed & LAST, n
