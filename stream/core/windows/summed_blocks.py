"""Blocks of panes summed over the partitions of a topic, kept packed: some 30 bytes a pane."""

from collections import defaultdict
from collections.abc import Container, Iterator
from typing import NamedTuple

import msgspec

from stream.core.model.aggregate import Vector, add
from stream.core.model.pane_blocks import decode_block, unpack_block
from stream.core.model.time_buckets import BY_CODE
from stream.core.windows.label_sets import CellRef

_encode = msgspec.msgpack.Encoder().encode


def block_difference(old: bytes | None, new: bytes | None) -> Vector:
    """Return the new vector of a block minus the old one. None is an empty block."""
    after = {} if new is None else decode_block(new)
    if old is not None:
        before = decode_block(old)
        for packed, n in before.items():
            if change := after.get(packed, 0) - n:
                after[packed] = change
            else:
                after.pop(packed, None)
    return after


class PackedBlock(NamedTuple):
    """A packed block and its number."""

    number: int
    packed: bytes


class SummedBlocks:
    """Packed blocks by resolution, block number and cell."""

    def __init__(self) -> None:
        self._packed_blocks: defaultdict[int, dict[int, dict[CellRef, bytes]]] = defaultdict(dict)

    def add(self, resolution: int, block: int, cell: CellRef, delta: Vector) -> None:
        """Add to a block of a cell. A block that becomes empty is removed."""
        blocks = self._packed_blocks[resolution]
        by_cell = blocks.setdefault(block, {})
        packed = by_cell.get(cell)
        total = {} if packed is None else decode_block(packed)
        add(total, delta)
        if total:
            by_cell[cell] = _encode(total)
            cell.blocks += packed is None
        elif packed is not None:
            del by_cell[cell]
            cell.blocks -= 1
        if not by_cell:
            del blocks[block]

    def between(
        self, resolution: int, first: int, last: int, aggregates: Container[str]
    ) -> Iterator[tuple[CellRef, Vector]]:
        """Yield the sums of some aggregates over the buckets `first` to `last`, one for each cell and block."""
        if last < first:
            return
        per_block = BY_CODE[resolution].per_block
        blocks = self._packed_blocks[resolution]
        for block in [b for b in blocks if first < (b + 1) * per_block and b * per_block <= last]:
            for cell, packed in blocks[block].items():
                if cell.sums.aggregate.name in aggregates:
                    vector = sum_range(resolution, block, decode_block(packed), first, last)
                    if vector:
                        yield cell, vector

    def packed_between(self, resolution: int, first: int, last: int) -> Iterator[tuple[CellRef, PackedBlock]]:
        """Yield the blocks that contain any of the buckets `first` to `last`, with their cells. They are not copied."""
        per_block = BY_CODE[resolution].per_block
        blocks = self._packed_blocks[resolution]
        for block in range(first // per_block, last // per_block + 1):
            for cell, packed in blocks.get(block, {}).items():
                yield cell, PackedBlock(block, packed)

    def of_cell(
        self, cell: CellRef, resolution: int, first: int, last: int
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the bucket, component and integer of each entry of a cell in the buckets `first` to `last`."""
        per_block = BY_CODE[resolution].per_block
        for block in range(first // per_block, last // per_block + 1):
            packed = self._packed_blocks[resolution].get(block, {}).get(cell)
            if packed is not None:
                for entry in unpack_block(resolution, block, decode_block(packed)):
                    if first <= entry[0] <= last:
                        yield entry


def sum_range(resolution: int, block: int, vector: Vector, first: int, last: int) -> Vector:
    """Return the sum of a block's vectors in the buckets `first` to `last`."""
    total: Vector = {}
    begin = block * BY_CODE[resolution].per_block
    if last < begin or first >= begin + BY_CODE[resolution].per_block:
        return total
    for bucket, component, n in unpack_block(resolution, block, vector):
        if first <= bucket <= last:
            total[component] = total.get(component, 0) + n
    return total
