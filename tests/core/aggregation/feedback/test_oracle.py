"""Feedback figures compared with an oracle, for any order, duplicates, revisions, deletions and batches."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.customers import CustomerResponded
from schemas.feedback import AnswerSummarized
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.entity import ANSWER, RESPONDER, unpack
from stream.core.aggregation.outgoing import DerivedEvent
from stream.core.aggregation.task import PartitionTask
from stream.core.model.pane_blocks import unpack_block
from tests.core.aggregation.feedback.oracle import Figures, customers, feedback, responders
from tests.core.aggregation.feedback.strategies import distinct, events, typed
from tests.support import (
    HOUR,
    NOW,
    aggregation_config,
    finish_restore,
    partition_of_key,
    records,
    rows,
    single,
)
from tests.support import VIEWS as COMMON_VIEWS

VIEWS = COMMON_VIEWS | {"program": ("program",)}


class GeneralFeedback(Feedback):
    """Feedback without the fast path."""

    def fast_path(self, store: EntityStore) -> None:  # type: ignore[override]
        """Return None: every event takes the general path."""
        del store


def by_hour(figures: Figures) -> Figures:
    out: Figures = Counter()
    for (*cell, minute), n in figures.items():
        out[*cell, minute // 60] += n
    return Counter({key: n for key, n in out.items() if n})


def stored_figures(partitions: list[PartitionTask], resolution: int = 3) -> Figures:
    out: Figures = Counter()
    for partition in partitions:
        for key, block in partition.panes.blocks.items():
            if key.resolution == resolution:
                for bucket, component, n in unpack_block(resolution, key.block, block):
                    out[*key.cell, component, bucket] += n
    return Counter({key: n for key, n in out.items() if n})


@given(st.lists(events, max_size=14), st.randoms(use_true_random=False), st.integers(1, 5))
def test_figures_equal_the_oracles_in_any_order_and_batches(
    history: list[Any], random: Any, size: int
) -> None:
    """Events are shuffled, repeated and cut into batches, with a flush after each."""
    history = distinct(history)
    shuffled = [*history, *random.sample(history, len(history) // 2)]
    random.shuffle(shuffled)
    partition = single(Feedback(), aggregation_config(views=VIEWS))
    batch_records = records([typed(at, event) for at, event in shuffled])
    for i in range(0, len(batch_records), size):
        partition.process(batch_records[i : i + size], NOW)
        partition.prepare_flush(NOW, 0)
    assert stored_figures([partition]) == by_hour(feedback(history, VIEWS))
    assert sum(partition.outcome_counts.values()) == len(batch_records)
    assert partition.checkpoint.next_offset == len(batch_records)
    assert stored_customers(partition) == customers(history)
    assert {key[1:].decode() for key in partition.store.entities if key[:1] == RESPONDER} == responders(
        history
    )


def stored_customers(partition: PartitionTask) -> dict[str, str]:
    """Return the present customer of each stored answer that has one."""
    answers = {
        key[1:].decode(): unpack(raw) for key, raw in partition.store.entities.items() if key[:1] == ANSWER
    }
    return {
        feedback_id: answer.customer for feedback_id, answer in answers.items() if answer.customer is not None
    }


def summaries(derived: list[DerivedEvent]) -> dict[tuple[str, str], AnswerSummarized]:
    """Return the summaries in force by customer and answer. The numbers, which depend on the order, are 0."""
    latest: dict[tuple[str, str], AnswerSummarized] = {}
    for event in derived:
        if isinstance(event.data, AnswerSummarized):
            key = event.data.customer_id, event.data.feedback_id
            assert key not in latest or event.data.number >= latest[key].number
            latest[key] = event.data
    return {key: replace(summary, number=0) for key, summary in latest.items() if not summary.gone}


@given(st.lists(events, max_size=14), st.randoms(use_true_random=False), st.integers(1, 9))
def test_the_order_of_reading_and_the_path_change_no_entity(
    history: list[Any], random: Any, size: int
) -> None:
    """Any order, in batches by the fast path or one by one by the general path, gives the same bytes and panes."""
    history = distinct(history)
    results = []
    for domain in (Feedback(), Feedback(), GeneralFeedback()):
        shuffled = [*history, *random.sample(history, len(history) // 2)]
        random.shuffle(shuffled)
        batch_records = records([typed(at, event) for at, event in shuffled])
        partition = single(domain)
        for i in range(0, len(batch_records), size):
            partition.process(batch_records[i : i + size], NOW)
        derived = partition.store.derived
        responded = {event.id for event in derived if isinstance(event.data, CustomerResponded)}
        partition.prepare_flush(NOW, 0)
        assert list(pane_differences(partition)) == []
        results.append((partition.store.entities, partition.panes.blocks, responded, summaries(derived)))
    assert results[0] == results[1] == results[2]


@given(st.lists(events, max_size=14), st.integers(1, 3))
def test_partitions_add_up(history: list[Any], count: int) -> None:
    """The panes of all partitions sum to the figures of one."""
    history = distinct(history)
    partitions = [PartitionTask(Feedback(), number, count, aggregation_config()) for number in range(count)]
    for number, partition in enumerate(partitions):
        own_events = [
            typed(at, e) for at, e in history if partition_of_key(e["feedback_id"], count) == number
        ]
        partition.process(records(own_events), NOW)
        partition.prepare_flush(NOW, 0)
        assert partition.outcome_counts["misrouted"] == 0
    assert stored_figures(partitions) == by_hour(feedback(history, COMMON_VIEWS))


@given(st.lists(events, max_size=14))
def test_panes_are_the_sum_of_contributions_under_changed_settings(history: list[Any]) -> None:
    """Panes equal the expanded contributions, also after the views are changed and restored."""
    partition = single(Feedback())
    partition.process(records([typed(at, event) for at, event in history]), NOW)
    flush = partition.prepare_flush(NOW, 0)
    blocks_before = partition.panes.blocks
    for config in (
        aggregation_config(config_hash="other", views={"total": (), "both": ("channel", "touchpoint")}),
        aggregation_config(),
    ):
        rebuilt = PartitionTask(Feedback(), 0, 1, config)
        for key, value in flush.state:
            rebuilt.restore_state(key, value)
        for key, value in flush.panes:
            rebuilt.restore_panes(key, value)
        rebuilt.checkpoint = flush.checkpoint
        changed = config.config_hash != flush.checkpoint.config_hash and flush.checkpoint.next_offset > 0
        assert bool(finish_restore(rebuilt)) == changed
        flush = rebuilt.prepare_flush(NOW, 0)._replace(
            state=list(rebuilt.store.entities.items()),
            panes=rows(rebuilt.panes),
        )
    assert rebuilt.panes.blocks == blocks_before


@given(st.lists(events, max_size=8))
def test_all_state_expires(history: list[Any]) -> None:
    """After the watermark has passed, no answers are left, each had a tombstone, and later no panes."""
    partition = single(Feedback())
    partition.process(records([typed(at, event) for at, event in history]), NOW)
    written = {key for key, _ in partition.prepare_flush(NOW, 0).state}
    partition.checkpoint.watermark = NOW + 40 * 24 * HOUR
    flush = partition.prepare_flush(NOW + 40 * 24 * HOUR, 0)
    assert {key[:1] for key in partition.store.entities} <= {RESPONDER}
    assert {key for key, value in flush.state if value is None} == {
        key for key in written if key[:1] == ANSWER
    }
    partition.checkpoint.watermark = NOW + 70 * 24 * HOUR
    partition.prepare_flush(NOW + 70 * 24 * HOUR, 0)
    assert not partition.panes.blocks
