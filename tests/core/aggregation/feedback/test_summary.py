"""Summaries of answers for `cx.customers`."""

from typing import Any

import pytest

from schemas.codec import Decoder
from schemas.feedback import AnswerSummarized, FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.keys import owner_of
from schemas.times import from_ms, to_ms
from schemas.topics import CUSTOMERS
from stream.core.aggregation.feedback import Feedback
from tests.support import DAY, MINUTE, NOW, Event, records, single

_decode = Decoder(CUSTOMERS).decode


def answer(at: int = NOW, event_id: str = "e", **fields: Any) -> Event:
    known: dict[str, Any] = {"feedback_id": "f", "survey": "nps", "score": 9, "customer_id": "c"}
    return Event(FeedbackSubmitted(**(known | fields)), at, max(at, NOW), event_id)


def summaries(*events: Event, batch: bool = True) -> list[AnswerSummarized]:
    """Return the summaries of the events, read as `cx.customers` reads them."""
    task = single(Feedback())
    clock = max(event.stamp for event in events)
    read = records(events)
    for chunk in [read] if batch else [[record] for record in read]:
        task.process(chunk, clock)
    written = []
    for outgoing in task.prepare_flush(clock, 0).forwards:
        event = _decode(outgoing.value, outgoing.headers)
        assert (outgoing.domain, outgoing.key) == ("customers", owner_of(event.data).encode())
        if isinstance(event.data, AnswerSummarized):
            assert outgoing.timestamp is not None
            written.append(event.data)
    return written


def test_a_summary_says_what_the_joins_need() -> None:
    """With the offset and times of the record."""
    task = single(Feedback())
    event = answer(survey="csat", score=4, ticket_id="t")._replace(stamp=NOW + 7)
    task.process(records([event], 40), NOW + 7)
    _, outgoing = task.prepare_flush(NOW + 7, 0).forwards
    decoded = _decode(outgoing.value, outgoing.headers)
    data: Any = decoded.data
    assert (outgoing.timestamp, to_ms(decoded.time), to_ms(data.moment)) == (NOW + 7, NOW, NOW)
    assert (data.feedback_id, data.customer_id, data.number, data.survey) == ("f", "c", 40, "csat")
    assert (data.counts, data.answer_class, data.ticket_id, data.gone) == (True, "satisfied", "t", False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"score": 9}, "promoter"),
        ({"score": 8}, "passive"),
        ({"score": 6}, "detractor"),
        ({"survey": "csat", "score": 4}, "satisfied"),
        ({"survey": "csat", "score": 3}, "dissatisfied"),
        ({"survey": "csat", "score": 3, "scale": (1, 4)}, "satisfied"),
        ({"survey": "csat", "score": 2, "scale": (1, 3)}, "dissatisfied"),
    ],
)
@pytest.mark.parametrize("batch", [True, False])
def test_the_class_follows_from_the_score(fields: dict[str, Any], expected: str, *, batch: bool) -> None:
    """By the fast path and by the general one: the second event keeps the batch together."""
    written = summaries(answer(**fields), answer(**fields, feedback_id="g", revision=1), batch=batch)
    assert [summary.answer_class for summary in written] == [expected, expected]


def test_answers_that_do_not_count_say_so() -> None:
    """Dismissed and premature ones. An exit survey counts with a score or with reasons."""
    written = summaries(
        answer(score=None),
        answer(feedback_id="g", survey="exit", score=None, reasons=("price", "price")),
        answer(feedback_id="h", survey="exit", score=None),
        answer(feedback_id="i", survey="exit", score=3),
        answer(feedback_id="j", transaction_time=from_ms(NOW + 1)),
    )
    assert [(summary.counts, summary.answer_class, summary.reasons) for summary in written] == [
        (False, None, ()),
        (True, None, ("price",)),
        (False, None, ()),
        (True, None, ()),
        (False, None, ()),
    ]


@pytest.mark.parametrize(
    ("survey", "score", "counts"), [("nps", 9, False), ("csat", 5, True), ("exit", 3, True)]
)
def test_only_nps_is_premature(survey: Any, score: int, *, counts: bool) -> None:
    """An answer to another survey counts, also if it was given before its transaction."""
    early = answer(survey=survey, score=score, transaction_time=from_ms(NOW + 1))
    assert [summary.counts for summary in summaries(early)] == [counts]


def test_nobody_and_other_surveys_have_no_summary() -> None:
    """An offer is no answer."""
    offered = Event(FeedbackOffered(feedback_id="f", survey="nps", customer_id="c"), NOW, NOW)
    assert summaries(offered, answer(customer_id=None, feedback_id="g"), answer(survey="ces", score=3)) == []


def test_only_changes_are_written() -> None:
    """The moment is the earliest of all revisions and duplicates. A comment changes nothing."""
    written = summaries(
        answer(NOW, "b"),
        answer(NOW, "b"),
        answer(NOW, "c", comment="thanks"),
        answer(NOW - MINUTE, "a"),
        answer(NOW + MINUTE, "d", score=3, revision=1),
    )
    assert [(s.number, to_ms(s.moment), s.answer_class) for s in written if s.moment] == [
        (0, NOW, "promoter"),
        (3, NOW - MINUTE, "promoter"),
        (4, NOW - MINUTE, "detractor"),
    ]


def test_a_former_customer_is_told_first() -> None:
    """Also by an offer that names another one later."""
    moved = Event(
        FeedbackOffered(feedback_id="f", survey="nps", customer_id="d"), NOW + MINUTE, NOW + MINUTE, "x"
    )
    written = summaries(answer(), moved)
    assert [(s.customer_id, s.gone, s.number) for s in written] == [
        ("c", False, 0),
        ("c", True, 1),
        ("d", False, 1),
    ]


def test_a_deleted_answer_is_gone() -> None:
    """Deleted before it was read, it was never there."""
    deleted = Event(FeedbackDeleted(feedback_id="f"), NOW, NOW, "x")
    assert [summary.gone for summary in summaries(answer(), deleted)] == [False, True]
    assert summaries(deleted, answer()) == []


def test_a_summary_is_not_older_than_the_event_that_names_the_customer() -> None:
    """Otherwise an older event that names nobody could not change the answer of one who came back after an erasure."""
    edit = answer(NOW - DAY, "b", score=0, revision=1, customer_id=None)
    deleted = Event(FeedbackDeleted(feedback_id="f"), NOW - DAY, NOW, "c")
    task = single(Feedback())
    task.process(records([answer(), edit, deleted]), NOW)
    events = [_decode(outgoing.value, outgoing.headers) for outgoing in task.prepare_flush(NOW, 0).forwards]
    written = [
        (event.data.gone, to_ms(event.time)) for event in events if isinstance(event.data, AnswerSummarized)
    ]
    assert written == [(False, NOW), (False, NOW), (True, NOW)]


def test_a_forgotten_answer_writes_nothing() -> None:
    """Its expiry is no change."""
    task = single(Feedback())
    task.process(records([answer(), answer(NOW + 40 * DAY, feedback_id="g")]), NOW + 40 * DAY)
    task.prepare_flush(NOW + 40 * DAY, 0)
    assert not any(key == b"af" for key in task.store.entities)
    assert task.prepare_flush(NOW + 41 * DAY, 0).forwards == []
