"""The core against an oracle that recomputes everything: any order, duplicates, revisions, deletions, splits."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.model.pane_blocks import unpack_block
from tests.core.aggregation.feedback.oracle import Figures, feedback
from tests.core.aggregation.feedback.strategies import distinct, events, typed
from tests.support import HOUR, NOW, VIEWS, aggregation_config, partition_of_key, records, rows, single


def hours(figures: Figures) -> Figures:
    out: Figures = Counter()
    for (*cell, minute), n in figures.items():
        out[*cell, minute // 60] += n
    return Counter({key: n for key, n in out.items() if n})


def held(partitions: list[PartitionTask], resolution: int = 3) -> Figures:
    out: Figures = Counter()
    for partition in partitions:
        for key, block in partition.panes.blocks.items():
            if key.resolution == resolution:
                for bucket, component, n in unpack_block(resolution, key.block, block):
                    out[*key.cell, component, bucket] += n
    return Counter({key: n for key, n in out.items() if n})


@given(st.lists(events, max_size=14), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_with_duplicates_and_any_split_gives_the_oracles_figures(
    history: list[Any], random: Any, size: int
) -> None:
    """Shuffled, repeated, cut into batches with a flush after each."""
    history = distinct(history)
    shuffled = [*history, *random.sample(history, len(history) // 2)]
    random.shuffle(shuffled)
    partition = single(Feedback())
    listed = records([typed(at, event) for at, event in shuffled])
    for i in range(0, len(listed), size):
        partition.process(listed[i : i + size], NOW)
        partition.prepare_flush(NOW, 0)
    assert held([partition]) == hours(feedback(history, VIEWS))
    assert sum(partition.outcome_counts.values()) == len(listed)
    assert partition.checkpoint.next_offset == len(listed)


@given(st.lists(events, max_size=14), st.integers(1, 3))
def test_partitions_add_up(history: list[Any], count: int) -> None:
    """Wherever the keys lie, the panes' sum is the whole."""
    history = distinct(history)
    partitions = [PartitionTask(Feedback(), number, count, aggregation_config()) for number in range(count)]
    for number, partition in enumerate(partitions):
        mine = [typed(at, e) for at, e in history if partition_of_key(e["feedback_id"], count) == number]
        partition.process(records(mine), NOW)
        partition.prepare_flush(NOW, 0)
        assert partition.outcome_counts["misrouted"] == 0
    assert held(partitions) == hours(feedback(history, VIEWS))


@given(st.lists(events, max_size=14))
def test_what_is_kept_is_the_sum_of_what_was_contributed(history: list[Any]) -> None:
    """Panes are what answers contribute, expanded: also after a change of the views and back."""
    partition = single(Feedback())
    partition.process(records([typed(at, event) for at, event in history]), NOW)
    flush = partition.prepare_flush(NOW, 0)
    before = partition.panes.blocks
    for changed in (
        aggregation_config(config_hash="other", views={"total": (), "both": ("channel", "touchpoint")}),
        aggregation_config(),
    ):
        again = PartitionTask(Feedback(), 0, 1, changed)
        for key, value in flush.state:
            again.restore_state(key, value)
        for key, value in flush.panes:
            again.restore_panes(key, value)
        again.checkpoint = flush.checkpoint
        assert again.finish_restore() == (
            changed.config_hash != flush.checkpoint.config_hash and flush.checkpoint.next_offset > 0
        )
        flush = again.prepare_flush(NOW, 0)._replace(
            state=list(again.store.entities.items()),
            panes=rows(again.panes),
        )
    assert again.panes.blocks == before


@given(st.lists(events, max_size=8))
def test_everything_is_forgotten_in_the_end(history: list[Any]) -> None:
    """When the watermark has passed, neither panes nor entities are left, and each had a tombstone."""
    partition = single(Feedback())
    partition.process(records([typed(at, event) for at, event in history]), NOW)
    written = {key for key, _ in partition.prepare_flush(NOW, 0).state}
    partition.checkpoint.watermark = NOW + 40 * 24 * HOUR
    flush = partition.prepare_flush(NOW + 40 * 24 * HOUR, 0)
    assert not partition.panes.blocks
    assert not partition.store.entities
    assert {key for key, value in flush.state if value is None} == written
