"""The order of reading and the path change nothing: newest answers, ties, customers, forgetting."""

from itertools import permutations

import pytest

from schemas.customers import CustomerErased
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.entity import ANSWER, RESPONDER, unpack
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import nps, reasons
from stream.core.model.aggregate import COMPONENT_BITS
from tests.core.aggregation.feedback.events import answer, deletion, offer, outcomes, score
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Event,
    count,
    figures,
    records,
    single,
)


def test_of_unnumbered_answers_the_newest_counts() -> None:
    """Dismissed, then 9, is 9. A 3, then 9 with a reason, is 9 with the reason, in the bucket of the 3."""
    events = [
        answer("s1", None, NOW - 5 * MINUTE, event_id="a"),
        answer("s1", 9, event_id="b"),
        answer("s2", 3, NOW - 3 * HOUR, event_id="c"),
        answer("s2", 9, NOW - 2 * HOUR, event_id="d", reasons=("price",)),
    ]
    for order in permutations(events):
        partition = count(Feedback(), [event._replace(stamp=NOW) for event in order])
        assert score(partition, window="24h") == 100
        assert figures(nps.METRIC, partition, NOW, "24h")["cx_nps_responses", "promoter"] == 2
        by_series = figures(reasons.METRIC, partition, NOW, "24h")
        assert by_series["cx_feedback_reasons", "nps", "price"] == 1
        assert by_series["cx_nps_reason_responses", "price", "promoter"] == 1
        assert minutes(partition) == {(NOW - 3 * HOUR) // MINUTE, (NOW - 5 * MINUTE) // MINUTE}


def minutes(partition: PartitionTask) -> set[int]:
    """Return the minutes in which answers have scores or reasons."""
    return {
        position >> COMPONENT_BITS
        for vector in partition.expected_deltas(partition.store.entities.items()).values()
        for position in vector
    }


def test_a_lower_revision_that_is_newer_does_not_count() -> None:
    """The revision decides before the time."""
    first, newer = answer("r", 9, NOW - HOUR, NOW, revision=2), answer("r", 0, revision=1)
    assert score(count(Feedback(), [first, newer]), window="24h") == 100
    assert score(count(Feedback(), [newer, first]), window="24h") == 100
    assert outcomes(count(Feedback(), [first, newer])) == {"accepted": 1, "duplicate": 1}
    assert outcomes(count(Feedback(), [newer, first])) == {"accepted": 2}


LONG = "/plants/berlin/kiosk/0000000000000000000000000000000000000000000000/answers/"


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("a", "b"),
        ("0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b", "fb5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b"),
        ("0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b", "0c"),
        ("0B", "0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b"),
        ("FB5D7E9A-8F4C-4F6E-9A3B-2C1D0E9F8A7B", "fb5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b"),
        ("\uffff", "\U0001f600"),
        (f"{LONG}1", f"{LONG}2"),
    ],
)
def test_at_one_moment_the_id_decides_by_code_points(lower: str, higher: str) -> None:
    """In both orders, also of stored UUIDs, and of long IDs that differ at the end only."""
    events = [answer("r", 0, event_id=lower), answer("r", 9, event_id=higher)]
    assert score(count(Feedback(), events)) == 100
    assert outcomes(count(Feedback(), events)) == {"accepted": 2}
    assert score(count(Feedback(), reversed(events))) == 100
    assert outcomes(count(Feedback(), reversed(events))) == {"accepted": 1, "duplicate": 1}


def test_a_redelivery_under_another_id_changes_no_figure() -> None:
    """Under a greater ID it is accepted, under a smaller one a duplicate."""
    first = answer("r", 9, event_id="m", reasons=("speed",), customer_id="c")
    partition = single(Feedback())
    partition.process(records([offer("r"), first]), NOW)
    partition.prepare_flush(NOW, 0)
    blocks = partition.panes.blocks
    partition.process(records([first._replace(id="z"), first._replace(id="a")], 2), NOW)
    assert partition.prepare_flush(NOW, 0).forwards == []
    assert partition.panes.blocks == blocks
    assert outcomes(partition) == {"accepted": 3, "duplicate": 1}


def customer(partition: PartitionTask, feedback: str = "r") -> str | None:
    return unpack(partition.store.entities[ANSWER + feedback.encode()]).customer


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [offer("r", NOW - 1, customer_id="late"), answer("r", 9, NOW - 2, NOW, customer_id="early")],
            "late",
        ),
        ([offer("r", customer_id="offer"), answer("r", 9, customer_id="answer")], "answer"),
        ([answer("r", 9, customer_id="answer"), deletion("r", customer_id="deletion")], "deletion"),
        ([answer("r", 9, event_id="b", customer_id="b"), answer("r", 9, event_id="a", customer_id="a")], "b"),
        ([answer("r", 9, NOW - 9, NOW, customer_id="named"), answer("r", 3), deletion("r")], "named"),
        (
            [
                answer("r", 9, NOW - 9, NOW, revision=4, customer_id="counts"),
                answer("r", 0, NOW - 5, NOW, revision=1, customer_id="duplicate"),
                offer("r", NOW - 7, customer_id="offer"),
            ],
            "duplicate",
        ),
        ([offer("r", NOW - 7, customer_id="first"), offer("r", NOW - 6, customer_id="second")], "second"),
        ([answer("r", 9, customer_id="a"), answer("r", 3, revision=1, customer_id="b")], "b"),
        ([answer("r", 9, customer_id="b"), answer("r", 3, revision=1, customer_id="a")], "b"),
        ([answer("r", 9, event_id="a"), answer("r", 3, event_id="b")], None),
    ],
)
def test_the_last_event_that_names_a_customer_decides(events: list[Event], expected: str | None) -> None:
    """By time, then offer, answer, deletion, then ID, in whatever order they are read and of duplicates, too.

    Of two with the same ID the customer decides.
    """
    for order in permutations(events):
        assert customer(count(Feedback(), [event._replace(stamp=NOW) for event in order])) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([answer("r", 9, revision=2), answer("r", 3, NOW - 1, NOW, customer_id="duplicate")], {"duplicate"}),
        ([deletion("r"), answer("r", 9, customer_id="deleted")], {"deleted"}),
        ([answer("r", None, survey="exit", reasons=("price",), customer_id="exit")], {"exit"}),
        ([answer("r", None, survey="exit", customer_id="c"), answer("q", None, customer_id="d")], set()),
        ([answer("r", None, reasons=("price",), customer_id="c"), offer("q", customer_id="d")], set()),
        (
            [answer("r", 9, event_id="a", customer_id="a"), answer("r", 3, event_id="b", customer_id="b")],
            {"a", "b"},
        ),
    ],
)
def test_who_responds_does_not_depend_on_the_order_of_reading(
    events: list[Event], expected: set[str]
) -> None:
    """A response makes a responder, whether it counts, is a duplicate or was deleted."""
    for order in permutations(events):
        partition = count(Feedback(), [event._replace(stamp=NOW) for event in order])
        keys = {key for key in partition.store.entities if key[:1] == RESPONDER}
        assert keys == {RESPONDER + name.encode() for name in expected}


def test_forgetting_does_not_depend_on_flushes() -> None:
    """An answer is unknown from the watermark on at which each of its events would be late, deleted or not."""
    forgotten_at = NOW // HOUR * HOUR + HOUR + 31 * DAY
    for newest, expected in (
        (forgotten_at - 1, {"accepted": 2, "duplicate": 1}),
        (forgotten_at, {"accepted": 3}),
    ):
        stored = []
        for flushes in (False, True):
            partition = single(Feedback())
            for event in (answer("r", 9), answer("s", 9, newest), answer("r", 9)):
                partition.process(records([event], partition.next_offset), newest)
                if flushes:
                    partition.prepare_flush(newest, 0)
            partition.prepare_flush(newest, 0)
            assert outcomes(partition) == expected
            assert list(pane_differences(partition)) == []
            stored.append((partition.store.entities, partition.panes.blocks))
        assert stored[0] == stored[1]


def test_an_erasure_finds_no_forgotten_answer() -> None:
    """Whether it was deleted before or not, a later event of it that names nobody is of a new answer."""
    newest = NOW + 33 * DAY
    for flushes in (False, True):
        partition = single(Feedback())
        for event in (
            answer("r", 9, customer_id="c"),
            answer("s", 9, newest),
            Event(CustomerErased(customer_id="c"), newest, newest),
            offer("r", newest),
        ):
            partition.process(records([event], partition.next_offset), newest)
            if flushes:
                partition.prepare_flush(newest, 0)
        partition.prepare_flush(newest, 0)
        assert outcomes(partition) == {"accepted": 4}
        assert {key[:1] for key in partition.store.entities} == {b"a", b"e"}
        assert list(pane_differences(partition)) == []


def test_an_answer_goes_with_its_present_customer_and_stays_erased() -> None:
    """Later events that name nobody are erased, those that name another customer are not."""
    partition = single(Feedback())
    events = [
        answer("r", 9, NOW - 9, NOW, customer_id="former"),
        deletion("r", NOW - 8, customer_id="present"),
        Event(CustomerErased(customer_id="former"), NOW, NOW),
        offer("r", NOW),
        Event(CustomerErased(customer_id="present"), NOW, NOW),
        offer("r", NOW + 1),
        answer("r", 9, NOW + 2, revision=1),
        answer("r", 9, NOW + 3, customer_id="other"),
    ]
    for event in events:
        partition.process(records([event._replace(stamp=NOW + 3)], partition.next_offset), NOW + 3)
    partition.prepare_flush(NOW + 3, 0)
    assert outcomes(partition) == {"accepted": 6, "erased": 2}
    assert customer(partition) == "other"
    assert score(partition, NOW + 3) == 100
