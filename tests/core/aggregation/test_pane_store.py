"""Blocks kept and written by a pane store."""

import msgspec

from stream.core.aggregation.pane_store import PaneStore
from stream.core.model.aggregate import COMPONENT_BITS, AggregateName, BaseCell, Deltas
from stream.core.model.aggregates import AGGREGATES
from stream.core.model.pane_blocks import BlockKey, Cell, decode_key
from tests.support import DAY, MINUTE, NOW, aggregation_config

BASE_CELL = ("nps", ("web", None), ())


def deltas(ms: int, n: int) -> Deltas:
    """Return a difference of `n` in one component of one base cell."""
    return {BASE_CELL: {ms // MINUTE << COMPONENT_BITS: n}}


def changed_blocks(panes: PaneStore) -> dict[BlockKey, bytes | None]:
    """Return the changed rows by block key."""
    return {msgspec.msgpack.decode(key, type=BlockKey): value for key, value in panes.changed_rows()}


def test_a_changed_block_is_written_once() -> None:
    """Three resolutions of two views are written once.

    Differences that cancel leave a tombstone for each block.
    """
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.apply_deltas(deltas(NOW, 2))
    rows = changed_blocks(panes)
    assert len(rows) == len(panes) == len(panes.blocks) == 6
    assert {key.cell.view for key in rows} == {"total", "channel"}
    assert changed_blocks(panes) == {}
    panes.apply_deltas(deltas(NOW, -2))
    assert changed_blocks(panes) == dict.fromkeys(rows)
    assert not panes.blocks
    assert list(panes.cells) == []


def test_a_block_added_and_removed_between_rows_is_a_tombstone() -> None:
    """A block that is removed and added again is written as a block."""
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.apply_deltas(deltas(NOW, 1))
    panes.apply_deltas(deltas(NOW, -1))
    assert set(changed_blocks(panes).values()) == {None}
    panes.apply_deltas(deltas(NOW, 1))
    assert None not in changed_blocks(panes).values()
    panes.apply_deltas(deltas(NOW, -1))
    panes.apply_deltas(deltas(NOW, 3))
    rows = changed_blocks(panes)
    assert rows == {key: msgspec.msgpack.encode(block) for key, block in panes.blocks.items()}
    assert len(rows) == 6


def test_an_expired_cell_leaves_nothing() -> None:
    """A new block of the cell does not undo the tombstones of the expired blocks."""
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.apply_deltas(deltas(NOW, 1))
    before = changed_blocks(panes)
    assert panes.expire(NOW + 70 * DAY)
    panes.apply_deltas(deltas(NOW + 70 * DAY, 1))
    rows = changed_blocks(panes)
    assert {key: rows[key] for key in before} == dict.fromkeys(before)
    assert rows.keys() - before.keys() == panes.blocks.keys()
    panes.expire(NOW + 140 * DAY)
    changed_blocks(panes)
    assert panes._cells == {}
    assert not any(panes._expiring.values())
    panes.apply_deltas(deltas(NOW + 141 * DAY, 1))
    assert changed_blocks(panes).keys() == panes.blocks.keys()
    assert len(panes) == 6


def test_blocks_of_a_removed_aggregate_are_kept_until_a_rebuild() -> None:
    """A worker without an aggregate starts with the state of a worker that had it."""
    key = BlockKey(3, NOW // DAY, Cell("bygone", "total", (), ()))
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.restore(msgspec.msgpack.encode(key), msgspec.msgpack.encode({0: 1}))
    panes.finish_restore()
    assert panes.blocks == {key: {0: 1}}
    panes.clear()
    assert changed_blocks(panes) == {key: None}
    assert panes._cells == {}


def test_changes_of_other_aggregates_are_kept() -> None:
    """A reader may ask for some aggregates often, and for the others seldom."""
    panes = PaneStore(aggregation_config(), AGGREGATES)
    of_csat: BaseCell = (AggregateName("csat"), *BASE_CELL[1:])
    panes.apply_deltas(deltas(NOW, 2) | {of_csat: {NOW // MINUTE << COMPONENT_BITS: 1}})
    of_nps, others = list(panes.changed_rows({"nps"})), list(panes.changed_rows())
    assert {decode_key(key).cell.aggregate for key, _ in of_nps} == {"nps"}
    assert {decode_key(key).cell.aggregate for key, _ in others} == {"csat"}
    assert list(panes.changed_rows()) == []
