"""The blocks that a pane store keeps and writes."""

import msgspec

from stream.core.aggregation.pane_store import PaneStore
from stream.core.model.aggregate import COMPONENT_BITS, Deltas
from stream.core.model.aggregates import AGGREGATES
from stream.core.model.pane_blocks import BlockKey, Cell
from tests.support import DAY, MINUTE, NOW, aggregation_config

LEAF = ("nps", ("web", None), ())


def at(ms: int, n: int) -> Deltas:
    """One component of one leaf."""
    return {LEAF: {ms // MINUTE << COMPONENT_BITS: n}}


def written(panes: PaneStore) -> dict[BlockKey, bytes | None]:
    """The rows by key."""
    return {msgspec.msgpack.decode(key, type=BlockKey): value for key, value in panes.changed_rows()}


def test_a_changed_block_is_written_once() -> None:
    """Three resolutions of two views; nothing the second time; what cancels is a tombstone each."""
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.apply_deltas(at(NOW, 2))
    rows = written(panes)
    assert len(rows) == len(panes) == len(panes.blocks) == 6
    assert {key.cell.view for key in rows} == {"total", "channel"}
    assert written(panes) == {}
    panes.apply_deltas(at(NOW, -2))
    assert written(panes) == dict.fromkeys(rows)
    assert not panes.blocks
    assert list(panes.cells) == []


def test_a_block_added_and_removed_between_rows_is_a_tombstone() -> None:
    """And what went and came again is a block."""
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.apply_deltas(at(NOW, 1))
    panes.apply_deltas(at(NOW, -1))
    assert set(written(panes).values()) == {None}
    panes.apply_deltas(at(NOW, 1))
    assert None not in written(panes).values()
    panes.apply_deltas(at(NOW, -1))
    panes.apply_deltas(at(NOW, 3))
    rows = written(panes)
    assert rows == {key: msgspec.msgpack.encode(block) for key, block in panes.blocks.items()}
    assert len(rows) == 6


def test_an_expired_cell_leaves_nothing() -> None:
    """It can begin again, and what was written of its end is not taken back by it."""
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.apply_deltas(at(NOW, 1))
    before = written(panes)
    assert panes.expire(NOW + 60 * DAY)
    panes.apply_deltas(at(NOW + 60 * DAY, 1))
    rows = written(panes)
    assert {key: rows[key] for key in before} == dict.fromkeys(before)
    assert rows.keys() - before.keys() == panes.blocks.keys()
    panes.expire(NOW + 120 * DAY)
    written(panes)
    assert panes._cells == {}
    assert not any(panes._expiring.values())
    panes.apply_deltas(at(NOW + 121 * DAY, 1))
    assert written(panes).keys() == panes.blocks.keys()
    assert len(panes) == 6


def test_blocks_of_a_removed_aggregate_are_kept_until_a_rebuild() -> None:
    """A worker that no longer has a metric starts with the state of one that had."""
    key = BlockKey(3, NOW // DAY, Cell("bygone", "total", (), ()))
    panes = PaneStore(aggregation_config(), AGGREGATES)
    panes.restore(msgspec.msgpack.encode(key), msgspec.msgpack.encode({0: 1}))
    panes.finish_restore()
    assert panes.blocks == {key: {0: 1}}
    panes.clear()
    assert written(panes) == {key: None}
    assert panes._cells == {}
