"""First contact resolution from the events of tickets, through the summaries that the workers of tickets write."""

from random import Random

import pytest

from stream.core.metrics.fcr import METRIC
from tests.core.aggregation import histories
from tests.core.aggregation.customers.from_tickets import customers_of
from tests.core.aggregation.tickets.events import (
    created,
    deleted,
    handled,
    handoff,
    merged,
    message,
    status,
    updated,
)
from tests.support import DAY, HOUR, MINUTE, NOW, Event, figures

LATER = NOW + 20 * DAY
"""The timestamp of all records: everything is read at the end."""


def results(events: list[Event]) -> tuple[float, float]:
    """Return the first contacts and the others, equal for one flush and for a flush after each event."""
    events = [event._replace(stamp=LATER) for event in events]
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


@pytest.mark.parametrize("size", [1, 3, 1_000])
@pytest.mark.parametrize("solve_first", [True, False])
def test_an_old_record_read_late_does_not_shorten_the_memory(size: int, solve_first: bool) -> None:
    """The solve in the windows moves to another day after 38 d since the timestamp of the record that was read last."""
    opened, old = NOW - 63 * DAY, NOW - 38 * DAY
    creation, solve = created(opened, stamp=old), status(NOW - 22 * DAY, "solved", stamp=NOW)
    events = [
        *([solve, creation] if solve_first else [creation, solve]),
        handoff(opened, stamp=old),
        *(created(NOW, ticket) for ticket in "uvw"),
        status(NOW - 29 * DAY, "solved", stamp=NOW - 29 * DAY),
    ]
    by_series = figures(METRIC, customers_of(events, size), NOW, "30d")
    assert by_series["cx_fcr_tickets", "provisional", "other"] == 1


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_ticket_events_gives_the_same_figures(seed: int) -> None:
    """Events are shuffled, repeated, and flushed in other batches."""
    random = Random(seed)
    drawn = histories.tickets(random, random.randrange(5, 60), 2, LATER)
    events = [event._replace(stamp=LATER) for event in drawn]
    in_order = customers_of(events)
    shuffled = [*events, *random.sample(events, len(events) // 3)]
    random.shuffle(shuffled)
    assert customers_of(shuffled, random.randrange(1, 20)).panes.blocks == in_order.panes.blocks
