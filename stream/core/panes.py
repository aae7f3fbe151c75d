"""The panes of one source partition: leaf deltas go in once a flush, changed blocks come out."""

from collections.abc import Iterator, Mapping
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


class Panes:
    """Blocks by key, with those that changed since `rows` was last taken."""

    def __init__(self, rules: Rules, tallies: Mapping[str, Tally]) -> None:
        self.rules = rules
        self.tallies = tallies
        self.blocks: dict[Key, Vector] = {}
        self.floor = 0
        """Watermark of the last expiry: what is older than it less its keep has been deleted and stays so."""
        self._dirty: set[Key] = set()
        self._gone: set[Key] = set()
        self._cells: dict[Cell, Cell] = {}
        """While restoring: one object for each cell, however many blocks it has."""
        self._rolling: dict[tuple[int, bool], dict[int, list[Key]]] = {}
        """Keys of blocks that expire, by resolution, whether they are remembered, and block."""
        self._expanded: dict[tuple[str, tuple[str | None, ...], Extra], tuple[Cell, ...]] = {}

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
        cells: dict[Cell, Vector] = {}
        for leaf, delta in deltas.items():
            for cell in self._expanded.get(leaf) or self._expand(leaf):
                into = cells.get(cell)
                if into is None:
                    cells[cell] = delta.copy()
                else:
                    for place, n in delta.items():
                        into[place] = into.get(place, 0) + n
        for cell, delta in cells.items():
            tally = self.tallies[cell.tally]
            if tally.kind in ("stock", "standing"):
                self._change(TOTAL if tally.kind == "stock" else STANDING, cell, delta)
            else:
                for resolution in ROLLING:
                    self._change(resolution, cell, delta, self.oldest(resolution, tally))

    def _expand(self, leaf: Leaf) -> tuple[Cell, ...]:
        """The cells of a leaf: one in each view whose labels it all has."""
        if len(self._expanded) >= EXPANDED:
            self._expanded.clear()
        tally, values, extra = leaf
        cells = []
        for view, pick in self.rules.picks:
            picked = tuple(v for i in pick if (v := values[i]) is not None)
            if len(picked) == len(pick):
                cells.append(Cell(tally, view, picked, extra))
        found = self._expanded[leaf] = tuple(cells)
        return found

    def _change(self, resolution: Resolution, cell: Cell, delta: Vector, oldest: int = 0) -> None:
        """Add to the blocks of a cell. Plain tuples equal a `Key` and are made faster."""
        code, step, per_block, _ = resolution
        per_pane = step // MINUTE or 1
        touched: dict[int, Vector] = {}
        minute, first, into = None, 0, None
        for place, n in delta.items():
            if not n:
                continue
            if place >> SHIFT != minute:  # neighbours mostly share theirs
                minute = place >> SHIFT
                block, pane = divmod(minute // per_pane, per_block)
                first = pane << SHIFT
                into = touched.get(block)
                if into is None and block >= oldest:
                    into = self.blocks.get((code, block, cell))  # type: ignore[call-overload]
                    into = touched[block] = self._begun(Key(code, block, cell)) if into is None else into
            if into is None:
                continue
            packed = first | place & LAST
            total = into.get(packed, 0) + n
            if total:
                into[packed] = total
            else:
                del into[packed]
        for block, into in touched.items():
            key = Key(code, block, cell)
            self._dirty.add(key)
            if not into:
                self._drop(key)

    def _begun(self, key: Key) -> Vector:
        self._gone.discard(key)
        block = self.blocks[key] = {}
        self._index(key)
        return block

    def _index(self, key: Key) -> None:
        if key.resolution in _ROLLING_CODES:
            kind = (key.resolution, self.tallies[key.cell.tally].remembered)
            self._rolling.setdefault(kind, {}).setdefault(key.block, []).append(key)

    def _drop(self, key: Key) -> None:
        del self.blocks[key]
        self._dirty.discard(key)
        self._gone.add(key)

    def expire(self, watermark: int) -> bool:
        """Delete blocks that ended before what is held at `watermark`, which never goes back.

        True when blocks of hours went: of their cells there may be nothing left.
        """
        self.floor = max(self.floor, watermark)
        hours = False
        for (code, remembered), by_block in self._rolling.items():
            edge = self.oldest(BY_CODE[code], Tally("", remembered=remembered))
            for block in [block for block in by_block if block < edge]:
                for key in self.blocks.keys() & by_block.pop(block):
                    self._drop(key)
                    hours = hours or code == HOURS.code
        return hours

    def rows(self) -> Iterator[Row]:
        """What changed since the last call, as records: absolute blocks and tombstones."""
        dirty, self._dirty = self._dirty, set()
        gone, self._gone = self._gone, set()
        for key in gone:
            yield _encode(key), None
        for key in dirty:
            yield _encode(key), _encode(self.blocks[key])

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in a record that was written before."""
        where = decode_key(key)
        if value is None:
            self.blocks.pop(where, None)
            return
        if where not in self.blocks:
            where = where._replace(cell=self._cells.setdefault(where.cell, where.cell))
            self._index(where)
        self.blocks[where] = decode_block(value)

    def ready(self) -> None:
        """End of restoring."""
        self._cells = {}

    def clear(self) -> None:
        """Forget every block, to be made anew under other rules."""
        self._gone |= set(self.blocks)
        self._dirty.clear()
        self.blocks.clear()
        self._rolling.clear()


def unpack(resolution: int, block: int, vector: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """(bucket number, component, integer) of each pane in a block."""
    first = block * BY_CODE[resolution].per_block
    for packed, n in vector.items():
        yield first + (packed >> SHIFT), packed & LAST, n
