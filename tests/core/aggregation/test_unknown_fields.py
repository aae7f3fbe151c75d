"""Unknown fields and ignored labels are counted once for each accepted event, and survive restarts."""

from collections.abc import Sequence
from typing import Any

import pytest

from schemas.customers import CustomerActivated, CustomerErased, CustomerResponded
from schemas.feedback import AnswerSummarized, FeedbackDeleted, FeedbackSubmitted
from schemas.tickets import InteractionHandled, TicketCreated, TicketSummarized
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model import checkpoint as checkpoint_format
from tests.support import (
    DAY,
    HOUR,
    NOW,
    Event,
    FakeRecord,
    aggregation_config,
    partition_of_key,
    records,
    single,
    with_fields,
)

ANSWERED = FeedbackSubmitted.TYPE
ANSWER = {"survey": "nps", "score": 9}
LABELS = {"shoe": "42", "brand": 7, "region": "eu", "hat": None}
IGNORED = {"shoe": 1, "brand": 1}


def extended(events: Sequence[Event], **fields: Any) -> list[FakeRecord]:
    """Return events as records, with further fields in their data."""
    return [
        record._replace(value=with_fields(record.value or b"", **fields), offset=offset)
        for offset, record in enumerate(records(events))
    ]


def answer(name: str, at: int = NOW, stamp: int = NOW, **fields: Any) -> Event:
    """Return an NPS answer."""
    return Event(FeedbackSubmitted(feedback_id=name, **(ANSWER | fields)), at, stamp, id=name)


def processed(
    domain: Domain, batch: Sequence[FakeRecord], size: int = 1_000, partition: PartitionTask | None = None
) -> PartitionTask:
    """Return a task that processed records in batches of a size and flushed after each."""
    task = partition or single(domain)
    for i in range(0, len(batch), size):
        task.process(batch[i : i + size], NOW)
        task.prepare_flush(NOW, 0)
    return task


EVENTS: list[tuple[Domain, Any]] = [
    (Feedback(), FeedbackSubmitted(feedback_id="f", labels=LABELS, **ANSWER)),
    (Feedback(), FeedbackSubmitted(feedback_id="f", labels=LABELS, reasons=("slow",), **ANSWER)),
    (Tickets(), TicketCreated(ticket_id="t", labels=LABELS)),
    (Tickets(), InteractionHandled(interaction_id="i", talk_s=1, hold_s=1, wrap_s=1, labels=LABELS)),
    (Customers(), CustomerActivated(customer_id="c", labels=LABELS)),
]


@pytest.mark.parametrize(("domain", "data"), EVENTS)
@pytest.mark.parametrize("size", [1, 1_000])
def test_an_accepted_event_is_counted_and_its_duplicates_are_not(
    domain: Domain, data: Any, size: int
) -> None:
    """Read one by one or together. Events without unknown fields may be around them."""
    (record,) = extended([Event(data, NOW, NOW)], device="phone", os=None, deviceType=1)
    batch = [record._replace(offset=offset) for offset in range(3)]
    task = processed(domain, batch, size)
    assert (task.outcome_counts["accepted"], task.outcome_counts["duplicate"]) == (1, 2)
    assert task.checkpoint.unknown_fields == {data.TYPE: {"device": 1, "__other__": 1}}
    assert task.checkpoint.ignored_labels == IGNORED


@pytest.mark.parametrize("size", [1, 1_000])
def test_types_are_counted_apart(size: int) -> None:
    """Erasures, which are processed on their own, among them."""
    events = [answer("a"), answer("b"), Event(FeedbackDeleted(feedback_id="a"), NOW, NOW)]
    erasure = Event(CustomerErased(customer_id="c"), NOW, NOW)
    task = processed(Feedback(), extended([*events, erasure, erasure], device="phone"), size)
    assert task.checkpoint.unknown_fields == {
        ANSWERED: {"device": 2},
        FeedbackDeleted.TYPE: {"device": 1},
        CustomerErased.TYPE: {"device": 1},
    }


def test_each_type_has_its_own_limit() -> None:
    """The first 20 names of a type by the order of reading."""
    fields = {f"n{number:02}": 1 for number in range(25)}
    deletion = Event(FeedbackDeleted(feedback_id="a"), NOW, NOW)
    task = processed(Feedback(), extended([answer("a"), deletion, answer("b")], **fields))
    first = list(fields)[:20]
    assert task.checkpoint.unknown_fields == {
        ANSWERED: dict.fromkeys(first, 2) | {"__other__": 10},
        FeedbackDeleted.TYPE: dict.fromkeys(first, 1) | {"__other__": 5},
    }


def test_rejected_events_count_nothing() -> None:
    """Neither late nor future, erased, invalid, unknown or misrouted ones."""
    local, foreign = (
        next(name for name in map(str, range(9)) if partition_of_key(name, 2) == n) for n in range(2)
    )
    events = [
        Event(CustomerErased(customer_id="c"), NOW, NOW),
        answer(local, labels=LABELS, customer_id="c"),
        answer(local, labels=LABELS, at=NOW - 60 * DAY),
        answer(local, labels=LABELS, at=NOW + HOUR),
        answer(foreign, labels=LABELS),
    ]
    (erasure,) = records(events[:1])
    _, *rejected = extended(events, device="phone")
    invalid = [
        rejected[0]._replace(value=(rejected[0].value or b"").replace(b'"nps"', b'"stars"')),
        rejected[0]._replace(value=(rejected[0].value or b"").replace(b"submitted.v1", b"submitted.v9")),
    ]
    batch = [erasure, *rejected, *invalid]
    task = PartitionTask(Feedback(), 0, 2, aggregation_config())
    processed(Feedback(), [record._replace(offset=n) for n, record in enumerate(batch)], partition=task)
    assert {outcome: n for outcome, n in task.outcome_counts.items() if n} == {
        "accepted": 1,
        "erased": 1,
        "late": 1,
        "future": 1,
        "misrouted": 1,
        "invalid": 1,
        "unknown_type": 1,
    }
    assert (task.checkpoint.unknown_fields, task.checkpoint.ignored_labels) == ({}, {})


def test_derived_events_count_nothing() -> None:
    derived = (
        TicketSummarized(ticket_id="t", customer_id="c", number=1, labels=LABELS),
        AnswerSummarized(feedback_id="f", customer_id="c", number=1, gone=True),
        CustomerResponded(customer_id="c"),
    )
    events = [Event(data, NOW, NOW) for data in derived]
    task = processed(Customers(), extended(events, device="phone"))
    assert task.outcome_counts["derived"] == 3
    assert (task.checkpoint.unknown_fields, task.checkpoint.ignored_labels) == ({}, {})


def test_counts_survive_a_restart() -> None:
    """The names that are counted on their own stay the same, and what was not flushed is counted again."""
    fields = {f"n{number}": 1 for number in range(20)}
    batch = extended([answer("a", labels={f"l{number}": 1 for number in range(20)})], **fields)
    batch += [r._replace(offset=1) for r in extended([answer("b", labels={"l0": 1, "new": 1})], n0=1, new=1)]
    before = single(Feedback())
    before.process(batch[:1], NOW)
    stored = checkpoint_format.encode(before.prepare_flush(NOW, 0).checkpoint)
    before.process(batch[1:], NOW)
    for _ in range(2):
        after = single(Feedback())
        after.restore_panes(checkpoint_format.KEY, stored)
        after.finish_restore()
        after.process(batch, NOW)
        checkpoint = after.prepare_flush(NOW, 0).checkpoint
        assert checkpoint.unknown_fields == {ANSWERED: dict.fromkeys(fields, 1) | {"n0": 2, "__other__": 1}}
        assert checkpoint.ignored_labels == {f"l{n}": 1 for n in range(20)} | {"l0": 2, "__other__": 1}


def test_figures_are_the_same_with_and_without_unknown_fields() -> None:
    """Entities, panes and outcomes of batches in which some, all or none have unknown fields."""
    events = [
        answer(f"{n % 90}", revision=n % 3, reasons=("slow",) if n % 7 == 0 else (), channel=f"c{n % 4}")
        for n in range(300)
    ]
    plain = records(events)
    others = extended(events, device="phone", os={"name": "x"})
    mixed = [(plain, others)[n % 5 == 0][n] for n in range(300)]
    expected, *actual = [processed(Feedback(), batch, 128) for batch in (plain, others, mixed)]
    assert expected.outcome_counts["duplicate"] > 50
    for task in actual:
        assert task.outcome_counts == expected.outcome_counts
        assert task.store.entities == expected.store.entities
        assert task.panes.blocks == expected.panes.blocks
        assert task.checkpoint.max_event_time == expected.checkpoint.max_event_time
    assert actual[0].checkpoint.unknown_fields[ANSWERED]["device"] == expected.outcome_counts["accepted"]
