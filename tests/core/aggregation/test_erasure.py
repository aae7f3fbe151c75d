"""Erasure of a person: entities are deleted, open items retracted, finished counts stay anonymous."""

from typing import Any

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
    partition_of_key,
    records,
    rows,
    single,
)

CANARY = "canary-5318008"


def fold(partition: PartitionTask, *events: Event) -> list[bytes]:
    """Count, flush, and give back everything that was written."""
    clock = max(event.stamp for event in events)
    partition.process(records(events, partition.next_offset), clock)
    flush = partition.prepare_flush(clock, 0)
    assert list(pane_differences(partition)) == []
    return [part for row in [*flush.state, *flush.panes] for part in row if part is not None]


def answer(feedback: str, who: str, score: int, at: int = NOW) -> Event:
    data = FeedbackSubmitted(
        feedback_id=feedback, survey="nps", score=score, customer_id=who, comment=f"by {who}"
    )
    return Event(data, at, at)


def again(partition: PartitionTask, **changed: Any) -> PartitionTask:
    """What another worker makes of the state, from what is kept alone."""
    other = PartitionTask(partition.domain, 0, 1, aggregation_config(**changed))
    other.store.entities.update(partition.store.entities)
    for key, block in rows(partition.panes):
        other.restore_panes(key, block)
    other.checkpoint = partition.checkpoint
    other.finish_restore()
    other.prepare_flush(partition.checkpoint.watermark, 0)
    assert list(pane_differences(other)) == []
    return other


def holds(partition: PartitionTask, text: str) -> bool:
    """Whether a state record or a pane has the text in it."""
    raw = text.encode()
    state = any(raw in key or raw in value for key, value in partition.store.entities.items())
    return state or any(text in repr(key) for key in partition.panes.blocks)


def test_answers_stay_counted_without_a_name() -> None:
    """The score, the offer and the answer stay; nothing kept says whose they were."""
    partition = single(Feedback())
    offer = Event(FeedbackOffered(feedback_id="r", survey="nps", customer_id=CANARY), NOW, NOW)
    fold(partition, offer, answer("r", CANARY, 10), answer("s", "other", 0))
    before = partition.panes.blocks
    fold(partition, erased(CANARY))
    assert partition.panes.blocks == before
    assert not holds(partition, CANARY)
    assert figures(nps.METRIC, partition, NOW)["cx_nps_score",] == 0
    assert figures(response_rate.METRIC, partition, NOW)["cx_survey_answered", "nps"] == 1


def test_older_events_are_erased_and_newer_ones_start_new_entities() -> None:
    """An answer of before the erasure leaves no trace, one of after it counts and makes a responder again."""
    partition = single(Feedback())
    fold(partition, answer("r", "a", 10), erased("a", NOW + 5))
    fold(partition, answer("r", "a", 0, NOW + 5), answer("s", "a", 0, NOW + 6), answer("t", "b", 10, NOW + 5))
    assert outcomes(partition) == {"accepted": 4, "erased": 1}
    assert figures(nps.METRIC, partition, NOW)["cx_nps_responses", "detractor"] == 1
    written = partition.store.entities
    assert b"ca" in written
    assert b"as" in written


def test_an_erasure_that_is_not_newer_is_a_duplicate() -> None:
    """Than the last of that person; one without anything to erase is accepted."""
    partition = single(Feedback())
    fold(
        partition, erased("a", NOW), erased("a", NOW), erased("a", NOW - 1), erased("a", NOW + 1), erased("b")
    )
    assert outcomes(partition) == {"accepted": 3, "duplicate": 2}


def test_a_customers_present_life_is_retracted() -> None:
    """Stocks and the life's beginning leave; nobody is lost, nothing goes below zero."""
    partition = single(Customers())
    who = CANARY
    fold(
        partition,
        activated("b", NOW - 60 * DAY),
        activated(who, NOW - 2 * DAY, channel="web"),
        make.notice(who, NOW - DAY, NOW),
        bought(who, f"{who}'s", 1000, NOW - DAY),
        responded(who),
        make.referral("converted", who, f"{who}'s", NOW - DAY),
    )
    fold(partition, erased(who))
    assert not holds(partition, who)
    shown = figures(churn.METRIC, partition, NOW, "7d")
    assert (shown["cx_opening_customers",], shown["cx_active_customers",]) == (1, 1)
    assert (shown["cx_churn_ratio", "cohort"], shown["cx_cancel_scheduled_customers",]) == (0, 0)
    value = figures(clv.METRIC, partition, NOW, "7d")
    assert value["cx_clv_customers", "responder"] == 0
    assert not [key for key in value if key[0] == "cx_clv_historical_mean"]
    assert value["cx_revenue", "EUR"] == 10
    assert figures(referral.METRIC, partition, NOW, "7d")["cx_referrers",] == 1
    assert all(n > 0 for block in partition.panes.blocks.values() for n in block.values())


def test_finished_lives_stay_counted() -> None:
    """Who was in the opening cohort and churned is still one of the lost; the present life never was."""
    partition = single(Customers())
    fold(partition, *(activated(who, NOW - 60 * DAY) for who in "abcd"))
    fold(partition, churned("a", NOW - 2 * DAY, reason="price"), activated("a", NOW - DAY), churned("ghost"))
    fold(partition, erased("a"), erased("ghost"))
    shown = figures(churn.METRIC, partition, NOW, "7d")
    assert (shown["cx_opening_customers",], shown["cx_active_customers",]) == (4, 3)
    assert shown["cx_churn_ratio", "cohort"] == 0.25
    assert shown["cx_churned_customers", "price"] == 1
    assert shown["cx_churn_ignored_total",] == 1


def test_a_customer_who_comes_back_after_an_erasure_is_a_new_one() -> None:
    """Nothing of before: no money, no membership; what is of before is dropped."""
    partition = single(Customers())
    fold(partition, activated("a", NOW - DAY), bought("a", "1", 1000, NOW - DAY), responded("a", NOW - DAY))
    fold(partition, erased("a"))
    fold(partition, activated("a", NOW + HOUR), bought("a", "1", 500, NOW + HOUR), responded("a", NOW - HOUR))
    assert partition.outcome_counts["erased"] == 1
    value = figures(clv.METRIC, partition, NOW + HOUR)
    assert value["cx_clv_historical_mean", "all", "EUR"] == 5
    assert value["cx_clv_customers", "responder"] == 0


def test_residuals_of_a_stock_outlive_every_window() -> None:
    """An ignored churn stays counted: when the rest is forgotten, and when the rules change."""
    partition = single(Customers())
    history = [
        activated("a", NOW, channel="web", touchpoint="help"),
        churned("a", NOW - 1),
        churned("a", NOW + 1),
    ]
    fold(partition, *history, erased("a", NOW + 2))
    fold(partition, activated("b", NOW + 90 * DAY))
    assert {key[:1] for key in partition.store.entities} == {b"c", b"r"}
    other = again(partition, config_hash="other", views={"total": (), "channel": ("channel",)})
    for view, values in (("total", ()), ("channel", ("web",))):
        shown = figures(churn.METRIC, other, NOW + 90 * DAY, view=view, values=values)
        assert shown["cx_churn_ignored_total",] == 1


def test_residuals_expire_with_their_panes() -> None:
    """When no window can see it, and with it the erasure."""
    partition = single(Feedback())
    fold(partition, answer("r", "a", 10))
    fold(partition, erased("a"))
    assert {key[:1] for key in partition.store.entities} == {b"e", b"r"}
    partition.checkpoint.watermark = NOW + 60 * DAY
    partition.prepare_flush(NOW + 60 * DAY, 0)
    assert not partition.store.entities
    assert not partition.panes.blocks


@given(histories(), st.sampled_from("ab"), st.integers(0, 18))
def test_after_an_erasure_nothing_is_below_zero_and_everything_adds_up(
    history: list[Any], who: str, where: int
) -> None:
    """Anywhere in a history; the other customer's figures are as if nothing had happened."""
    partition, without = single(Customers()), single(Customers())
    listed = [typed(happened) for happened in history]
    listed.insert(where, erased(who, listed[min(where, len(listed)) - 1].stamp if listed else NOW))
    for event in listed:
        fold(partition, event)
    assert all(
        n > 0
        for key, block in partition.panes.blocks.items()
        if key.cell.aggregate not in ("revenue", "clv")
        for n in block.values()
    )
    alone = [event for event in listed if event.data.customer_id != who]
    for event in alone:
        fold(without, event)
    other = "ab".replace(who, "")
    assert partition.store.entities.get(b"c" + other.encode()) == without.store.entities.get(
        b"c" + other.encode()
    )


REFERRED = {"at": NOW, "stamp": NOW, "one": "p690"}
"""What a referral is given at one moment."""


@given(
    histories(),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 18)), min_size=1, max_size=4),
    st.integers(1, 20),
)
@example(
    history=[
        {"kind": "sent", "who": "b", "id": "x0", **REFERRED},
        {"kind": "on", "who": "a", "id": "x1", "at": NOW, "stamp": NOW, "dims": {}, "margin": None},
        {"kind": "converted", "who": "a", "id": "x2", **REFERRED},
    ],
    erasures=[("a", 3), ("b", 4)],
    size=3,
)
def test_erasures_of_a_batch_are_those_of_one_after_the_other(
    history: list[Any], erasures: list[tuple[str, int]], size: int
) -> None:
    """Whatever comes between them: the same is kept, and the same figures."""
    listed = [typed(happened) for happened in history]
    for who, where in erasures:
        stamp = listed[min(where, len(listed)) - 1].stamp if listed else NOW
        listed.insert(where, erased(who, stamp))
    single_file, batches = single(Customers()), single(Customers())
    for event in listed:
        single_file.process(records([event], single_file.next_offset), event.stamp)
    for i in range(0, len(listed), size):
        batch = listed[i : i + size]
        batches.process(records(batch, batches.next_offset), max(event.stamp for event in batch))
    clock = max(event.stamp for event in listed)
    for partition in (single_file, batches):
        partition.prepare_flush(clock, 0)
        assert list(pane_differences(partition)) == []
    assert batches.outcome_counts == single_file.outcome_counts
    assert batches.store.entities == single_file.store.entities
    assert batches.panes.blocks == single_file.panes.blocks


def test_the_erasure_goes_where_the_persons_records_are() -> None:
    """On every topic it is keyed by the customer."""
    key = partition_of_key("a", 12)
    for domain in (Feedback(), Customers()):
        partition = PartitionTask(domain, key, 12, aggregation_config())
        partition.process(records([Event(CustomerErased(customer_id="a"), NOW, NOW)]), NOW)
        assert outcomes(partition) == {"accepted": 1}


def test_a_new_entity_of_an_erased_person_is_written_by_the_same_flush() -> None:
    """The same answer given, erased and given again: what is held, once, and nothing of what was erased."""
    partition = single(Feedback())
    for event in (
        answer("f", "p", 9, NOW - 2 * HOUR),
        Event(CustomerErased(customer_id="p"), NOW - HOUR, NOW),
        answer("f", "p", 3),
    ):
        partition.process(records([event], partition.next_offset), NOW)
    rows = partition.prepare_flush(NOW, 0).state
    kept = dict(rows)
    assert len(kept) == len(rows)
    assert {key: raw for key, raw in kept.items() if raw is not None} == partition.store.entities
    assert kept[b"af"] is not None
