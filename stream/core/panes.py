"""The panes of one source partition: leaf deltas go in once a flush, changed blocks come out."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from stream.core.buckets import (
    BY_CODE,
    HOURS,
    MINUTE,
    MINUTES,
    QUARTERS,
    ROLLING,
    STANDING,
    TOTAL,
    Resolution,
)
from stream.core.rules import Rules
from stream.core.tally import Deltas, Extra, Tally, Vector

_encode = msgspec.msgpack.Encoder().encode

EXPANDED = 50_000
"""Leaves whose cells are remembered."""
SHIFT = 16
"""In a block a pane's component is at `position << SHIFT | component`."""

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
        self._last: dict[tuple[int, bool], int] = {}
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
        cells: dict[Cell, dict[tuple[int, int], int]] = {}
        for (tally, values, extra, minute, component), n in deltas.items():
            for cell in self._expand(tally, values, extra):
                panes = cells.setdefault(cell, {})
                panes[minute, component] = panes.get((minute, component), 0) + n
        for cell, panes in cells.items():
            kind = self.tallies[cell.tally]
            if kind.kind in ("stock", "standing"):
                self._change(TOTAL if kind.kind == "stock" else STANDING, cell, panes)
            else:
                for resolution in ROLLING:
                    self._change(resolution, cell, panes, self.oldest(resolution, kind))

    def _expand(self, tally: str, values: tuple[str | None, ...], extra: Extra) -> tuple[Cell, ...]:
        """The cells of a leaf: one in each view whose labels it all has."""
        leaf = (tally, values, extra)
        found = self._expanded.get(leaf)
        if found is None:
            if len(self._expanded) >= EXPANDED:
                self._expanded.clear()
            cells = []
            for view, pick in self.rules.picks:
                picked = tuple(v for i in pick if (v := values[i]) is not None)
                if len(picked) == len(pick):
                    cells.append(Cell(tally, view, picked, extra))
            found = self._expanded[leaf] = tuple(cells)
        return found

    def _change(
        self, resolution: Resolution, cell: Cell, panes: Mapping[tuple[int, int], int], oldest: int = 0
    ) -> None:
        per_pane, per_block = max(1, resolution.step // MINUTE), resolution.per_block
        touched: dict[int, Vector] = {}
        for (minute, component), n in panes.items():
            block, position = divmod(minute // per_pane, per_block)
            if block < oldest or not n:
                continue
            into = touched.get(block)
            if into is None:
                into = touched[block] = self.blocks.setdefault(Key(resolution.code, block, cell), {})
            packed = position << SHIFT | component
            total = into.get(packed, 0) + n
            if total:
                into[packed] = total
            else:
                del into[packed]
        for block, into in touched.items():
            self._note(Key(resolution.code, block, cell), into)

    def _note(self, key: Key, block: Vector) -> None:
        if block:
            self._dirty.add(key)
            self._gone.discard(key)
        else:
            del self.blocks[key]
            self._dirty.discard(key)
            self._gone.add(key)

    def expire(self, watermark: int) -> bool:
        """Delete blocks that ended before what is held at `watermark`, which never goes back; True if any may."""
        self.floor = max(self.floor, watermark)
        edges = {
            (resolution.code, remembered): self.oldest(resolution, Tally("", remembered=remembered))
            for resolution in (MINUTES, QUARTERS, HOURS)
            for remembered in (False, True)
        }
        if edges == self._last:
            return False
        self._last = edges
        for key in [k for k in self.blocks if k.resolution in (1, 2, 3)]:
            if key.block < edges[key.resolution, self.tallies[key.cell.tally].remembered]:
                del self.blocks[key]
                self._dirty.discard(key)
                self._gone.add(key)
        return True

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
        else:
            self.blocks[where] = decode_block(value)

    def clear(self) -> None:
        """Forget every block, to be made anew under other rules."""
        self._gone |= set(self.blocks)
        self._dirty.clear()
        self.blocks.clear()


def unpack(resolution: int, block: int, vector: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """(bucket number, component, integer) of each pane in a block."""
    first = block * BY_CODE[resolution].per_block
    for packed, n in vector.items():
        yield first + (packed >> SHIFT), packed & 0xFFFF, n
