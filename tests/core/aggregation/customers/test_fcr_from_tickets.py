"""First contact resolution from the events of tickets, through the summaries that the workers of tickets write."""

from random import Random

import pytest

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.metrics.fcr import METRIC
from tests.core.aggregation import histories
from tests.core.aggregation.tickets.events import created, deleted, handled, merged, message, status, updated
from tests.support import DAY, HOUR, MINUTE, NOW, Event, FakeRecord, figures, records, single

LATER = NOW + 20 * DAY
"""The timestamp of all records: everything is read at the end."""


def customers_of(events: list[Event], size: int = 1_000) -> PartitionTask:
    """Return the task of `cx.customers` after the summaries of tickets, which are flushed after `size` events."""
    tickets, customers = single(Tickets()), single(Customers())
    read = records([event._replace(stamp=LATER) for event in events])
    for i in range(0, len(read), size):
        tickets.process(read[i : i + size], LATER)
        written = tickets.prepare_flush(LATER, 0).forwards
        first = customers.next_offset
        customers.process(
            [
                FakeRecord(first + n, sent.timestamp or 0, sent.key, sent.value)
                for n, sent in enumerate(written)
            ],
            LATER,
        )
        customers.prepare_flush(LATER, 0)
    assert list(pane_differences(customers)) == []
    assert not customers.dead_letters
    return customers


def results(events: list[Event]) -> tuple[float, float]:
    """Return the first contacts and the others, equal for one flush and for a flush after each event."""
    at_once, one_by_one = customers_of(events), customers_of(events, 1)
    assert one_by_one.panes.blocks == at_once.panes.blocks
    by_series = figures(METRIC, at_once, LATER, "30d")
    name = "cx_fcr_tickets"
    return by_series[name, "provisional", "first_contact"], by_series[name, "provisional", "other"]


def contact(at: int, ticket: str, replies: int = 1, by: str | None = "agent", **fields: str) -> list[Event]:
    """Return the events of a ticket: created, answered `replies` times, solved an hour later."""
    return [
        created(at, ticket, **({"customer_id": "c"} | fields)),
        *(message(at + (n + 1) * MINUTE, ticket=ticket) for n in range(replies)),
        status(at + HOUR, "solved", ticket, by=by),
    ]


def test_fcr_1_reopenings_and_repeat_contacts_are_excluded() -> None:
    """FCR-1: eight of ten have one reply, one is reopened on day 3, one followed by a ticket on day 5: 60 %."""
    events = [
        event
        for n in range(10)
        for event in contact(NOW, f"t{n}", 1 if n < 8 else 3, customer_id=f"c{n}", topic="bill")
    ]
    events += [
        status(NOW + 3 * DAY, "open", "t0"),
        created(NOW + 5 * DAY, "another", customer_id="c1", topic="bill"),
    ]
    by_series = figures(METRIC, customers_of(events), NOW + 8 * DAY, "7d")
    assert by_series["cx_fcr_ratio", "confirmed"] == 0.6
    assert results(events) == (6, 4)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([], (0, 1)),
        ([updated(NOW + 2 * DAY, "u", topic="login")], (1, 0)),
        ([updated(NOW + 2 * DAY, "t", topic="login")], (1, 0)),
        ([updated(NOW + 2 * DAY, "u", customer_id="d")], (1, 0)),
        ([updated(NOW + 2 * DAY, "t", customer_id="d")], (1, 0)),
        (
            [updated(NOW + 2 * DAY, "u", customer_id="d"), updated(NOW + 3 * DAY, "u", customer_id="c")],
            (0, 1),
        ),
        ([merged(NOW + 2 * DAY, "u")], (1, 0)),
        ([deleted(NOW + 2 * DAY, "u")], (1, 0)),
        ([merged(NOW + 2 * DAY, "t")], (0, 0)),
        ([message(NOW + 2 * DAY, ticket="t")], (0, 1)),
    ],
)
def test_another_ticket_while_it_has_the_same_customer_and_topic(
    later: list[Event], expected: tuple[int, int]
) -> None:
    """The present ones of both tickets count."""
    events = [*contact(NOW, "t", topic="bill"), created(NOW + DAY, "u", customer_id="c", topic="bill")]
    assert results([*events, *later]) == expected


def test_the_first_solve_by_people_decides() -> None:
    """Its time, contacts and reopening, also if a bot solved the ticket before."""
    assert results(contact(NOW, "t", by="bot")) == (0, 0)
    by_people = [status(NOW + DAY, "open"), status(NOW + 2 * DAY, "solved")]
    assert results([*contact(NOW, "t", by="bot"), *by_people]) == (1, 0)
    assert results([*contact(NOW, "t", by="bot"), *by_people, status(NOW + 3 * DAY, "open")]) == (0, 1)


def test_a_call_is_a_contact() -> None:
    """A ticket handled by phone only is solved at first contact."""
    call = handled(NOW + HOUR, 140, ticket_id="t", interaction_id="i")
    events = [created(NOW, "t", customer_id="c"), call, status(NOW + HOUR, "solved")]
    assert results(events) == (1, 0)
    assert results([*events, message(NOW + MINUTE)]) == (0, 1)


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_ticket_events_gives_the_same_figures(seed: int) -> None:
    """Events are shuffled, repeated, and flushed in other batches."""
    random = Random(seed)
    events = list(histories.tickets(random, random.randrange(5, 60), 2, LATER))
    in_order = customers_of(events)
    shuffled = [*events, *random.sample(events, len(events) // 3)]
    random.shuffle(shuffled)
    assert customers_of(shuffled, random.randrange(1, 20)).panes.blocks == in_order.panes.blocks
