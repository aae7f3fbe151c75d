"""First contact resolution in worked cases."""

from itertools import permutations

import pytest

from stream.core.metrics.fcr import METRIC
from tests.core.aggregation.customers.from_tickets import customers_of
from tests.core.aggregation.tickets.events import (
    created,
    deleted,
    merged,
    message,
    metric_figures,
    status,
    updated,
)
from tests.support import DAY, HOUR, MINUTE, NOW, Event

RATIO, TICKETS = "cx_fcr_ratio", "cx_fcr_tickets"


def contact(
    at: int, ticket: str, replies: int = 1, *, by: str | None = "agent", **fields: object
) -> list[Event]:
    """Return the events of a ticket: created, answered `replies` times, solved an hour later."""
    customer = {"customer_id": fields.pop("customer_id", ticket)}
    return [
        created(at, ticket, **customer, **fields),
        *(message(at + (n + 1) * MINUTE, ticket=ticket, **customer) for n in range(replies)),
        status(at + HOUR, "solved", ticket, by=by, **customer),
    ]


def result(events: list[Event], now: int = NOW + 20 * DAY) -> tuple[float, float]:
    """Return the first contacts and the others, equal for one batch and for single events."""
    records_now = [event._replace(stamp=now) for event in events]
    figures = metric_figures(METRIC, customers_of(records_now), now)
    assert metric_figures(METRIC, customers_of(records_now, 1), now) == figures
    return figures[TICKETS, "provisional", "first_contact"], figures[TICKETS, "provisional", "other"]


def test_fcr_1_reopenings_and_repeat_contacts_are_excluded() -> None:
    """FCR-1: eight of ten have one reply, one is reopened on day 3, one followed by a ticket on day 5: 60 %."""
    events = []
    for n in range(10):
        events += contact(NOW, f"t{n}", 1 if n < 8 else 3, topic="bill")
    events += [
        status(NOW + 3 * DAY, "open", "t0", customer_id="t0"),
        created(NOW + 5 * DAY, "again", customer_id="t1", topic="bill"),
    ]
    partition = customers_of(events)
    figures = metric_figures(METRIC, partition, NOW + 6 * DAY)
    assert figures[RATIO, "provisional"] == 0.6
    later = metric_figures(METRIC, partition, NOW + 8 * DAY)
    assert later[RATIO, "confirmed"] == 0.6
    assert (later[TICKETS, "confirmed", "first_contact"], later[TICKETS, "confirmed", "other"]) == (6, 4)


def test_the_number_of_replies_decides() -> None:
    """FCR-3: one reply is a first contact, five or none are not."""
    assert result(contact(NOW, "t", 1)) == (1, 0)
    assert result(contact(NOW, "t", 5)) == (0, 1)
    assert result(contact(NOW, "t", 0)) == (0, 1)


def test_a_solve_of_three_days_ago_is_not_confirmed() -> None:
    """FCR-4: it counts in the provisional figures, not in the confirmed ones."""
    partition = customers_of(contact(NOW, "t"))
    for days, confirmed in ((3, 0), (8, 1)):
        figures = metric_figures(METRIC, partition, NOW + days * DAY)
        assert figures[TICKETS, "confirmed", "first_contact"] == confirmed
        assert figures[TICKETS, "confirmed", "other"] == 0
        assert ((RATIO, "confirmed") in figures) == bool(confirmed)
        assert figures[RATIO, "provisional"] == 1


def test_windows_under_a_week_are_never_confirmed() -> None:
    """Short windows have no confirmed series."""
    figures = metric_figures(METRIC, customers_of(contact(NOW, "t")), NOW + HOUR, "24h")
    assert {labels[0] for _, *labels in figures} == {"provisional"}


@pytest.mark.parametrize(
    ("delay", "first_contacts"),
    [(1, 0), (7 * DAY, 0), (7 * DAY + 1, 1)],
    ids=["at once", "seven days", "later"],
)
def test_a_reopening_within_seven_days_is_a_repeat_contact(delay: int, first_contacts: int) -> None:
    """The limit is seven days to the millisecond."""
    events = [*contact(NOW, "t"), status(NOW + HOUR + delay, "open", "t", customer_id="t")]
    assert result(events) == (first_contacts, 1 - first_contacts)


@pytest.mark.parametrize(
    ("delay", "first_contacts"), [(0, 0), (1, 0), (7 * DAY, 0), (7 * DAY + 1, 1), (-1, 1)]
)
def test_another_ticket_within_seven_days_is_a_repeat_contact(delay: int, first_contacts: int) -> None:
    """A ticket created from the solve to seven days after it counts, in any order of arrival."""
    follower = created(NOW + HOUR + delay, "again", customer_id="t")
    for order in permutations([*contact(NOW, "t"), follower]):
        assert result(list(order)) == (first_contacts, 1 - first_contacts)


def test_only_tickets_of_the_same_customer_and_topic_are_repeat_contacts() -> None:
    """Two absent topics are equal. A later change of topic counts for both tickets."""
    first = contact(NOW, "t", topic="bill")
    other = created(NOW + DAY, "u", customer_id="t", topic="parcel")
    assert result([*first, other, created(NOW + DAY, "v", customer_id="v", topic="bill")]) == (1, 0)
    assert result([*first, other, updated(NOW + 2 * DAY, "u", customer_id="t", topic="bill")]) == (0, 1)
    assert result([*first, other, updated(NOW + 2 * DAY, "t", customer_id="t", topic="parcel")]) == (0, 1)
    absent = [*contact(NOW, "t"), created(NOW + DAY, "u", customer_id="t")]
    assert result(absent) == (0, 1)
    assert result([*absent, updated(NOW + 2 * DAY, "u", customer_id="t", topic="x")]) == (1, 0)


def test_a_merged_or_deleted_ticket_is_no_repeat_contact() -> None:
    """A removed ticket no longer counts as a repeat contact, the others still do."""
    followers = [created(NOW + n * DAY, f"u{n}", customer_id="t") for n in (1, 2)]
    removals = [merged(NOW + 3 * DAY, "u1", customer_id="t"), deleted(NOW + 3 * DAY, "u2", customer_id="t")]
    assert result([*contact(NOW, "t"), *followers, removals[0]]) == (0, 1)
    assert result([*contact(NOW, "t"), *followers, *removals]) == (1, 0)


def test_the_first_solve_by_people_decides() -> None:
    """Not the bot's before. The agent's solve after the reopening decides."""
    events = [
        created(NOW),
        status(NOW + MINUTE, "solved", by="bot"),
        status(NOW + 2 * MINUTE, "open"),
        message(NOW + 3 * MINUTE),
        status(NOW + HOUR, "solved", by="customer"),
        status(NOW + 9 * DAY, "open"),
        status(NOW + 9 * DAY + 1, "solved", by="timeout"),
    ]
    figures = metric_figures(METRIC, customers_of(events), NOW + 10 * DAY)
    assert figures[TICKETS, "provisional", "first_contact"] == 1


def test_a_ticket_solved_by_a_timeout_only_does_not_count() -> None:
    """It is not in the ratio."""
    partition = customers_of(contact(NOW, "t", by="timeout"))
    assert metric_figures(METRIC, partition, NOW + HOUR, "1h") == {
        (TICKETS, "provisional", "first_contact"): 0,
        (TICKETS, "provisional", "other"): 0,
    }


def test_messages_after_the_solve_and_internal_ones_do_not_count() -> None:
    """Only public messages of agents before the solve count."""
    events = [
        *contact(NOW, "t"),
        message(NOW + 2 * MINUTE, ticket="t", public=False, customer_id="t"),
        message(NOW + 3 * MINUTE, "customer", "t", customer_id="t"),
        message(NOW + 2 * HOUR, ticket="t", customer_id="t"),
    ]
    assert result(events) == (1, 0)
