"""Stored blocks of panes, which workers write and exporters read.

A pane is the part of a cell in one bucket of event time (J. Li et al., "No pane, no gain", SIGMOD Record 34, 2005).
In Beam the word means a firing of a window instead. A record holds a block of neighbouring panes of one cell.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from stream.core.model.aggregate import COMPONENT_BITS, COMPONENT_MASK, AggregateName, OwnLabels
from stream.core.model.time_buckets import BY_CODE

Row = tuple[bytes, bytes | None]
"""A record of a compacted topic: key, value or None for a tombstone."""


class Cell(NamedTuple):
    """An aggregate in one breakdown: the view, the values of its labels, and the own labels of the aggregate."""

    aggregate: AggregateName
    view: str
    values: tuple[str, ...]
    own_labels: OwnLabels


class BlockKey(NamedTuple):
    """The key of a block: code of its resolution, number of the block, cell."""

    resolution: int
    block: int
    cell: Cell


_PackedKey = tuple[int, int, tuple[AggregateName, str, tuple[str, ...], tuple[str, ...]]]
_decode_key = msgspec.msgpack.Decoder(_PackedKey).decode
decode_block = msgspec.msgpack.Decoder(dict[int, int]).decode
"""Decode the bytes of a block to `{position << COMPONENT_BITS | component: integer}`."""


def decode_key(raw: bytes) -> BlockKey:
    """Return the key of a block. Raise ValueError or RecursionError for other bytes."""
    resolution, block, cell = _decode_key(raw)
    return BlockKey(resolution, block, Cell(*cell))


def unpack_block(resolution: int, block: int, vector: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield the bucket number, component and integer of each entry of a block."""
    first = block * BY_CODE[resolution].per_block
    for packed, n in vector.items():
        yield first + (packed >> COMPONENT_BITS), packed & COMPONENT_MASK, n
