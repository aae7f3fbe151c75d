"""Erasure of a customer: entities are deleted, open items retracted, finished counts stay anonymous."""

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.customers import CustomerErased
from schemas.feedback import FeedbackOffered, FeedbackSubmitted
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import churn, clv, nps, referral, response_rate
from tests.core.aggregation.customers import events as make
from tests.core.aggregation.customers.events import activated, bought, churned, erased, outcomes, responded
from tests.core.aggregation.customers.strategies import histories, typed
from tests.support import (
    DAY,
    HOUR,
    NOW,
    Event,
    aggregation_config,
    figures,
    finish_restore,
    partition_of_key,
    records,
    rows,
    single,
)

CANARY = "canary-5318008"


def process_and_flush(partition: PartitionTask, *events: Event) -> list[bytes]:
    """Process events, flush, and return everything written."""
    clock = max(event.stamp for event in events)
    partition.process(records(events, partition.next_offset), clock)
    flush = partition.prepare_flush(clock, 0)
    assert list(pane_differences(partition)) == []
    return [part for row in [*flush.state, *flush.panes] for part in row if part is not None]


def answer(feedback: str, customer_id: str, score: int, at: int = NOW) -> Event:
    data = FeedbackSubmitted(
        feedback_id=feedback, survey="nps", score=score, customer_id=customer_id, comment=f"by {customer_id}"
    )
    return Event(data, at, at)


def restored_task(partition: PartitionTask, **changed: Any) -> PartitionTask:
    """Restore the stored state of a partition in another task, with changed settings."""
    restored = PartitionTask(partition.domain, 0, 1, aggregation_config(**changed))
    restored.store.entities.update(partition.store.entities)
    for key, block in rows(partition.panes):
        restored.restore_panes(key, block)
    restored.checkpoint = partition.checkpoint
    finish_restore(restored)
    restored.prepare_flush(partition.checkpoint.watermark, 0)
    assert list(pane_differences(restored)) == []
    return restored


def contains(partition: PartitionTask, text: str) -> bool:
    """Return True if an entity or the key of a pane contains the text."""
    raw = text.encode()
    state = any(raw in key or raw in value for key, value in partition.store.entities.items())
    return state or any(text in repr(key) for key in partition.panes.blocks)


def test_answers_stay_counted_without_the_customer() -> None:
    """The score, the offer and the answer stay, without an ID of the customer."""
    partition = single(Feedback())
    offer = Event(FeedbackOffered(feedback_id="r", survey="nps", customer_id=CANARY), NOW, NOW)
    process_and_flush(partition, offer, answer("r", CANARY, 10), answer("s", "other", 0))
    before = partition.panes.blocks
    process_and_flush(partition, erased(CANARY))
    assert partition.panes.blocks == before
    assert not contains(partition, CANARY)
    assert figures(nps.METRIC, partition, NOW)["cx_nps_score",] == 0
    assert figures(response_rate.METRIC, partition, NOW)["cx_survey_answered", "nps"] == 1


def test_older_events_are_erased_and_newer_ones_start_new_entities() -> None:
    """An answer from before the erasure is dropped. A later one counts and makes a responder again."""
    partition = single(Feedback())
    process_and_flush(partition, answer("r", "a", 10), erased("a", NOW + 5))
    process_and_flush(
        partition, answer("r", "a", 0, NOW + 5), answer("s", "a", 0, NOW + 6), answer("t", "b", 10, NOW + 5)
    )
    assert outcomes(partition) == {"accepted": 4, "erased": 1}
    assert figures(nps.METRIC, partition, NOW)["cx_nps_responses", "detractor"] == 1
    entities = partition.store.entities
    assert b"ca" in entities
    assert b"as" in entities


def test_an_erasure_that_is_not_newer_is_a_duplicate() -> None:
    """An erasure without anything to erase is accepted."""
    partition = single(Feedback())
    process_and_flush(
        partition, erased("a", NOW), erased("a", NOW), erased("a", NOW - 1), erased("a", NOW + 1), erased("b")
    )
    assert outcomes(partition) == {"accepted": 3, "duplicate": 2}


def test_a_customers_present_life_is_retracted() -> None:
    """Stocks and the start of the life are retracted. No churn is counted and nothing is below zero."""
    partition = single(Customers())
    customer_id = CANARY
    process_and_flush(
        partition,
        activated("b", NOW - 60 * DAY),
        activated(customer_id, NOW - 2 * DAY, channel="web"),
        make.notice(customer_id, NOW - DAY, NOW),
        bought(customer_id, f"{customer_id}'s", 1000, NOW - DAY),
        responded(customer_id),
        make.referral("converted", customer_id, f"{customer_id}'s", NOW - DAY),
    )
    process_and_flush(partition, erased(customer_id))
    assert not contains(partition, customer_id)
    by_series = figures(churn.METRIC, partition, NOW, "7d")
    assert (by_series["cx_opening_customers",], by_series["cx_active_customers",]) == (1, 1)
    assert (by_series["cx_churn_ratio", "cohort"], by_series["cx_cancel_scheduled_customers",]) == (0, 0)
    clv_figures = figures(clv.METRIC, partition, NOW, "7d")
    assert clv_figures["cx_clv_customers", "responder"] == 0
    assert not [key for key in clv_figures if key[0] == "cx_clv_historical_mean"]
    assert clv_figures["cx_revenue", "EUR"] == 10
    assert figures(referral.METRIC, partition, NOW, "7d")["cx_referrers",] == 1
    assert all(n > 0 for block in partition.panes.blocks.values() for n in block.values())


def test_finished_lives_stay_counted() -> None:
    """A customer who churned stays in the opening cohort and in the churns. The present life is retracted."""
    partition = single(Customers())
    process_and_flush(partition, *(activated(customer_id, NOW - 60 * DAY) for customer_id in "abcd"))
    process_and_flush(
        partition, churned("a", NOW - 2 * DAY, reason="price"), activated("a", NOW - DAY), churned("ghost")
    )
    process_and_flush(partition, erased("a"), erased("ghost"))
    by_series = figures(churn.METRIC, partition, NOW, "7d")
    assert (by_series["cx_opening_customers",], by_series["cx_active_customers",]) == (4, 3)
    assert by_series["cx_churn_ratio", "cohort"] == 0.25
    assert by_series["cx_churned_customers", "price"] == 1
    assert by_series["cx_churn_ignored",] == 1


def test_a_customer_who_comes_back_after_an_erasure_is_a_new_one() -> None:
    """Money and membership of the responders start again, and events from before the erasure are dropped."""
    partition = single(Customers())
    process_and_flush(
        partition, activated("a", NOW - DAY), bought("a", "1", 1000, NOW - DAY), responded("a", NOW - DAY)
    )
    process_and_flush(partition, erased("a"))
    process_and_flush(
        partition,
        activated("a", NOW + HOUR),
        bought("a", "1", 500, NOW + HOUR),
        responded("a", NOW - HOUR),
        churned("a", NOW - HOUR),
    )
    assert (partition.outcome_counts["erased"], partition.outcome_counts["derived"]) == (1, 2)
    clv_figures = figures(clv.METRIC, partition, NOW + HOUR)
    assert clv_figures["cx_clv_historical_mean", "all", "EUR"] == 5
    assert clv_figures["cx_clv_customers", "responder"] == 0


def test_residuals_stay_under_changed_settings() -> None:
    """An ignored churn stays counted, with the dimensions that it had."""
    partition = single(Customers())
    history = [
        activated("a", NOW, channel="web", touchpoint="help"),
        churned("a", NOW - 1),
        churned("a", NOW + 1),
    ]
    process_and_flush(partition, *history, erased("a", NOW + 2))
    process_and_flush(partition, activated("b", NOW + DAY))
    assert {key[:1] for key in partition.store.entities} == {b"c", b"e", b"r"}
    restored = restored_task(partition, config_hash="other", views={"total": (), "channel": ("channel",)})
    for view, values in (("total", ()), ("channel", ("web",))):
        by_series = figures(churn.METRIC, restored, NOW + DAY, "30d", view, values)
        assert by_series["cx_churn_ignored",] == 1


def test_residuals_expire_with_their_panes() -> None:
    """The residual expires when no window includes it, the hashes after the retention of the topics."""
    partition = single(Feedback())
    process_and_flush(partition, answer("r", "a", 10))
    process_and_flush(partition, erased("a"))
    assert {key[:1] for key in partition.store.entities} == {b"e", b"r", b"x"}
    for days, left in ((70, {b"e", b"x"}), (76, set())):
        partition.checkpoint.watermark = NOW + days * DAY
        partition.prepare_flush(NOW + days * DAY, 0)
        assert {key[:1] for key in partition.store.entities} == left
        assert not partition.panes.blocks


@given(histories(), st.sampled_from("ab"), st.integers(0, 18))
def test_after_an_erasure_nothing_is_below_zero_and_panes_are_the_sum_of_contributions(
    history: list[Any], customer_id: str, position: int
) -> None:
    """An erasure at any position leaves the other customer's state unchanged."""
    partition, control = single(Customers()), single(Customers())
    events = [typed(fields) for fields in history]
    stamp = events[max(0, min(position, len(events)) - 1)].stamp if events else NOW
    events.insert(position, erased(customer_id, stamp))
    for event in events:
        process_and_flush(partition, event)
    assert all(
        n > 0
        for key, block in partition.panes.blocks.items()
        if key.cell.aggregate not in ("revenue", "clv")
        for n in block.values()
    )
    for event in events:  # the same records of somebody else, because every record moves the watermark
        data = event.data
        if data.customer_id == customer_id:
            data = msgspec.structs.replace(data, customer_id="z")
        process_and_flush(control, event._replace(data=data))
    other_id = "ab".replace(customer_id, "")
    assert partition.store.entities.get(b"c" + other_id.encode()) == control.store.entities.get(
        b"c" + other_id.encode()
    )


REFERRAL_FIELDS = {"at": NOW, "stamp": NOW, "referral": "p690"}
"""The fields of the referral events of the example."""


@given(
    histories(),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 18)), min_size=1, max_size=4),
    st.integers(1, 20),
)
@example(
    history=[
        {"kind": "sent", "customer": "b", "id": "x0", **REFERRAL_FIELDS},
        {"kind": "on", "customer": "a", "id": "x1", "at": NOW, "stamp": NOW, "dims": {}, "margin": None},
        {"kind": "converted", "customer": "a", "id": "x2", **REFERRAL_FIELDS},
    ],
    erasures=[("a", 3), ("b", 4)],
    size=3,
)
def test_erasures_in_a_batch_equal_erasures_one_by_one(
    history: list[Any], erasures: list[tuple[str, int]], size: int
) -> None:
    """Erasures in batches give the same state and figures as erasures processed one by one."""
    events = [typed(fields) for fields in history]
    for customer_id, position in erasures:
        stamp = events[min(position, len(events)) - 1].stamp if events else NOW
        events.insert(position, erased(customer_id, stamp))
    one_by_one, batches = single(Customers()), single(Customers())
    for event in events:
        one_by_one.process(records([event], one_by_one.next_offset), event.stamp)
    for i in range(0, len(events), size):
        batch = events[i : i + size]
        batches.process(records(batch, batches.next_offset), max(event.stamp for event in batch))
    clock = max(event.stamp for event in events)
    for partition in (one_by_one, batches):
        partition.prepare_flush(clock, 0)
        assert list(pane_differences(partition)) == []
    assert batches.outcome_counts == one_by_one.outcome_counts
    assert batches.store.entities == one_by_one.store.entities
    assert batches.panes.blocks == one_by_one.panes.blocks


def test_an_erasure_is_processed_by_the_partition_of_the_customer() -> None:
    """The erasure has the customer's key on every topic."""
    key = partition_of_key("a", 12)
    for domain in (Feedback(), Customers()):
        partition = PartitionTask(domain, key, 12, aggregation_config())
        partition.process(records([Event(CustomerErased(customer_id="a"), NOW, NOW)]), NOW)
        assert outcomes(partition) == {"accepted": 1}


def test_a_new_entity_of_an_erased_person_is_written_by_the_same_flush() -> None:
    """An answer is given, erased and given again in one flush. The stored state has the new one only."""
    partition = single(Feedback())
    for event in (
        answer("f", "p", 9, NOW - 2 * HOUR),
        Event(CustomerErased(customer_id="p"), NOW - HOUR, NOW),
        answer("f", "p", 3),
    ):
        partition.process(records([event], partition.next_offset), NOW)
    rows = partition.prepare_flush(NOW, 0).state
    stored = dict(rows)
    assert len(stored) == len(rows)
    assert {key: raw for key, raw in stored.items() if raw is not None} == partition.store.entities
    assert stored[b"af"] is not None
