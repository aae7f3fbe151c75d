"""The panes of one source partition. Deltas go in once a flush, changed blocks come out."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping

import msgspec

from stream.core.model.aggregate import (
    COMPONENT_BITS,
    COMPONENT_MASK,
    Aggregate,
    BaseCell,
    Deltas,
    Vector,
)
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.pane_blocks import BlockKey, Cell, Row, decode_block, decode_key
from stream.core.model.time_buckets import (
    BY_CODE,
    HOURS,
    MINUTE,
    OPEN_ITEM_MINUTES,
    ROLLING,
    RUNNING_TOTAL,
    Resolution,
)

_encode = msgspec.msgpack.Encoder().encode

MAX_CACHED_CELLS = 50_000
"""Base cells whose cells are cached."""

_ROLLING_CODES = {resolution.code for resolution in ROLLING}
_CODE_BITS = 3
_CODE_MASK = (1 << _CODE_BITS) - 1
"""The bits of a block's number within its cell that tell its resolution."""


class CellBlocks:
    """The blocks of one cell, by `block_id`."""

    __slots__ = ("aggregate", "blocks", "cell")

    def __init__(self, cell: Cell, aggregate: Aggregate) -> None:
        self.cell = cell
        self.aggregate = aggregate
        self.blocks: dict[int, Vector] = {}


def block_id(resolution: int, block: int) -> int:
    """A block's resolution and number in one."""
    return block << _CODE_BITS | resolution


class BlockIndex(dict[int, tuple[tuple[int, int], ...]]):
    """For each minute its retained panes: block ID, and first position of the pane in the block."""

    def __init__(self, held: Iterable[tuple[Resolution, int]]) -> None:
        super().__init__()
        self._retained = tuple(held)
        """Resolutions, each with its oldest block."""

    def __missing__(self, minute: int) -> tuple[tuple[int, int], ...]:
        panes_of_minute = []
        for resolution, oldest in self._retained:
            block, pane = divmod(minute // (resolution.step // MINUTE or 1), resolution.per_block)
            if block >= oldest:
                panes_of_minute.append((block_id(resolution.code, block), pane << COMPONENT_BITS))
        panes = self[minute] = tuple(panes_of_minute)
        return panes


class PaneStore:
    """Blocks by cell, with those that changed since the last `changed_rows`."""

    def __init__(self, config: AggregationConfig, aggregates: Mapping[str, Aggregate]) -> None:
        self.config = config
        self.aggregates = aggregates
        self.expired_before = 0
        """Watermark of the last expiry. Blocks older than their retention before it are deleted and stay so."""
        self._cells: dict[Cell, CellBlocks] = {}
        self._changed_blocks: defaultdict[CellBlocks, set[int]] = defaultdict(set)
        """IDs of blocks to be written. A block that no longer exists becomes a tombstone."""
        self._expiring: dict[int, dict[int, list[CellBlocks]]] = {}
        """Cells with blocks that expire, by resolution and block."""
        self._cells_of_base: dict[BaseCell, tuple[CellBlocks, ...]] = {}
        self._interned_ids: dict[int, int] = {}
        """While restoring, one object for each ID, which many cells share."""
        self._has_empty_cells = False
        """True if there may be cells without blocks."""

    @property
    def blocks(self) -> dict[BlockKey, Vector]:
        """Return a copy of all blocks by key."""
        return {
            BlockKey(number & _CODE_MASK, number >> _CODE_BITS, cell_blocks.cell): block.copy()
            for cell_blocks in self._cells.values()
            for number, block in cell_blocks.blocks.items()
        }

    @property
    def cells(self) -> Iterator[Cell]:
        """Yield the cells that have blocks."""
        return (cell_blocks.cell for cell_blocks in self._cells.values() if cell_blocks.blocks)

    def __len__(self) -> int:
        """Return the number of blocks. Any thread may call it."""
        return sum(len(cell_blocks.blocks) for cell_blocks in list(self._cells.values()))

    def oldest_block(self, resolution: Resolution) -> int:
        """Return the number of the oldest retained block. Blocks are deleted whole."""
        retention = self.config.pane_retention if resolution.retention is None else resolution.retention
        return max(0, self.expired_before - retention) // resolution.span

    def apply_deltas(self, deltas: Deltas) -> None:
        """Add the deltas of base cells to the cells of every view and resolution. Deltas before the retention are dropped."""
        added: dict[CellBlocks, Vector] = {}
        for base_cell, delta in deltas.items():
            if not any(delta.values()):  # what was retracted was added again
                continue
            for cell_blocks in self._cells_of_base.get(base_cell) or self._cells_for(base_cell):
                into = added.get(cell_blocks)
                if into is None:
                    added[cell_blocks] = delta.copy()
                else:
                    for position, n in delta.items():
                        into[position] = into.get(position, 0) + n
        block_indexes = {name: self._block_index(aggregate) for name, aggregate in self.aggregates.items()}
        for cell_blocks, delta in added.items():
            self._add(cell_blocks, delta, block_indexes[cell_blocks.aggregate.name])

    def _block_index(self, aggregate: Aggregate) -> BlockIndex:
        if aggregate.kind in ("stock", "open_items"):
            return BlockIndex([(RUNNING_TOTAL if aggregate.kind == "stock" else OPEN_ITEM_MINUTES, 0)])
        return BlockIndex((resolution, self.oldest_block(resolution)) for resolution in ROLLING)

    def _cells_for(self, base_cell: BaseCell) -> tuple[CellBlocks, ...]:
        """Return the cells of a base cell: one in each view whose labels it has all of."""
        if len(self._cells_of_base) >= MAX_CACHED_CELLS:
            self._cells_of_base.clear()
        aggregate, values, own_labels = base_cell
        cell_blocks = []
        for view, pick in self.config.view_indexes:
            picked = tuple(v for i in pick if (v := values[i]) is not None)
            if len(picked) == len(pick):
                cell_blocks.append(self._cell_blocks(Cell(aggregate, view, picked, own_labels)))
        cells = self._cells_of_base[base_cell] = tuple(cell_blocks)
        return cells

    def _cell_blocks(self, cell: Cell) -> CellBlocks:
        cell_blocks = self._cells.get(cell)
        if cell_blocks is None:
            aggregate = self.aggregates.get(cell.aggregate) or Aggregate(
                cell.aggregate
            )  # of a removed metric
            cell_blocks = self._cells[cell] = CellBlocks(cell, aggregate)
        return cell_blocks

    def _add(self, cell_blocks: CellBlocks, delta: Vector, block_index: BlockIndex) -> None:
        """Add a flat vector to the panes of a cell."""
        blocks, touched = cell_blocks.blocks, set[int]()
        minute, panes = -1, list[tuple[Vector, int]]()
        for position, n in delta.items():
            if not n:
                continue
            if position >> COMPONENT_BITS != minute:  # neighbours mostly share their minute
                minute = position >> COMPONENT_BITS
                panes = []
                for number, first in block_index[minute]:
                    block = blocks.get(number)
                    if block is None:
                        block = blocks[number] = {}
                        self._register_expiry(cell_blocks, number)
                    touched.add(number)
                    panes.append((block, first))
            component = position & COMPONENT_MASK
            for block, first in panes:
                packed = first | component
                total = block.get(packed, 0) + n
                if total:
                    block[packed] = total
                else:
                    del block[packed]
        self._changed_blocks[cell_blocks] |= touched
        for number in touched:
            if not blocks[number]:
                del blocks[number]

    def _register_expiry(self, cell_blocks: CellBlocks, number: int) -> None:
        code = number & _CODE_MASK
        if code in _ROLLING_CODES:
            by_block = self._expiring.setdefault(code, {})
            by_block.setdefault(number >> _CODE_BITS, []).append(cell_blocks)

    def expire(self, watermark: int) -> bool:
        """Delete blocks whose retention ended at `watermark` (ms). The watermark never goes back.

        Return True if hour blocks were deleted, because their cells may then be empty.
        """
        self.expired_before = max(self.expired_before, watermark)
        hours = False
        for code, by_block in self._expiring.items():
            edge = self.oldest_block(BY_CODE[code])
            for block in [block for block in by_block if block < edge]:
                number = block_id(code, block)
                for cell_blocks in by_block.pop(block):
                    if cell_blocks.blocks.pop(number, None) is not None:
                        self._changed_blocks[cell_blocks].add(number)
                        hours = hours or code == HOURS.code
        self._has_empty_cells = self._has_empty_cells or hours
        return hours

    def changed_rows(self, aggregates: Container[str] | None = None) -> Iterator[Row]:
        """Yield the changes since the last call as records: absolute blocks and tombstones.

        `aggregates`: names of those whose blocks are yielded. The changes of others are kept. None means all.
        """
        changed, self._changed_blocks = self._changed_blocks, defaultdict(set)
        for cell_blocks, numbers in changed.items():
            if aggregates is not None and cell_blocks.aggregate.name not in aggregates:
                self._changed_blocks[cell_blocks] = numbers
                continue
            for number in numbers:
                key = (
                    number & _CODE_MASK,
                    number >> _CODE_BITS,
                    cell_blocks.cell,
                )  # a `BlockKey` would be slower
                block = cell_blocks.blocks.get(number)
                yield _encode(key), None if block is None else _encode(block)
        if self._has_empty_cells and aggregates is None:
            self._drop_empty_cells()

    def _drop_empty_cells(self) -> None:
        """Drop cells without blocks."""
        self._cells = {cell: cell_blocks for cell, cell_blocks in self._cells.items() if cell_blocks.blocks}
        self._cells_of_base.clear()
        self._has_empty_cells = False

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Restore a block from its record. `value` None is a tombstone."""
        resolution, block, cell = decode_key(key)
        cell_blocks, number = self._cell_blocks(cell), block_id(resolution, block)
        if value is None:
            cell_blocks.blocks.pop(number, None)
            return
        if number not in cell_blocks.blocks:
            self._register_expiry(cell_blocks, number)
        cell_blocks.blocks[self._interned_ids.setdefault(number, number)] = decode_block(value)

    def finish_restore(self) -> None:
        """End the restore."""
        self._interned_ids = {}
        self._drop_empty_cells()

    def clear(self) -> None:
        """Delete every block, to be rebuilt under another config."""
        for cell_blocks in self._cells.values():
            self._changed_blocks[cell_blocks].update(cell_blocks.blocks)
            cell_blocks.blocks.clear()
        self._expiring.clear()
        self._has_empty_cells = True
