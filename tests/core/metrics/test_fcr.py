"""First contact resolution, against worked cases."""

from itertools import permutations

import pytest

from stream.core.metrics.fcr import METRIC
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    merged,
    message,
    one_by_one,
    shown,
    status,
    updated,
)
from tests.support import DAY, HOUR, MINUTE, NOW, Event

RATIO, TICKETS = "cx_fcr_ratio", "cx_fcr_tickets"


def contact(
    at: int, ticket: str, replies: int = 1, *, by: str | None = "agent", **more: object
) -> list[Event]:
    """Created, answered `replies` times, solved an hour later."""
    who = {"customer_id": more.pop("customer_id", ticket)}
    return [
        created(at, ticket, **who, **more),
        *(message(at + (n + 1) * MINUTE, ticket=ticket, **who) for n in range(replies)),
        status(at + HOUR, "solved", ticket, by=by, **who),
    ]


def result(events: list[Event], now: int = NOW + 20 * DAY) -> tuple[float, float]:
    """First contacts and others, read in one batch and event by event."""
    read = [event._replace(stamp=now) for event in events]
    figures = shown(METRIC, counted(read), now)
    assert shown(METRIC, one_by_one(read), now) == figures
    return figures[TICKETS, "provisional", "first_contact"], figures[TICKETS, "provisional", "other"]


def test_net_of_reopenings_and_repeats() -> None:
    """FCR-1: eight of ten with one touch, one of them reopened on day 3, one followed on day 5: 60 %."""
    events = []
    for n in range(10):
        events += contact(NOW, f"t{n}", 1 if n < 8 else 3, topic="bill")
    events += [
        status(NOW + 3 * DAY, "open", "t0", customer_id="t0"),
        created(NOW + 5 * DAY, "again", customer_id="t1", topic="bill"),
    ]
    partition = counted(events)
    figures = shown(METRIC, partition, NOW + 6 * DAY)
    assert figures[RATIO, "provisional"] == 0.6
    later = shown(METRIC, partition, NOW + 8 * DAY)
    assert later[RATIO, "confirmed"] == 0.6
    assert (later[TICKETS, "confirmed", "first_contact"], later[TICKETS, "confirmed", "other"]) == (6, 4)


def test_the_number_of_replies_tells_not_how_long_it_took() -> None:
    """FCR-3: one reply is a first contact, five are not, none is not."""
    assert result(contact(NOW, "t", 1)) == (1, 0)
    assert result(contact(NOW, "t", 5)) == (0, 1)
    assert result(contact(NOW, "t", 0)) == (0, 1)


def test_what_was_solved_three_days_ago_is_not_confirmed() -> None:
    """FCR-4: in neither side of the confirmed, in the provisional already."""
    partition = counted(contact(NOW, "t"))
    for days, confirmed in ((3, 0), (8, 1)):
        figures = shown(METRIC, partition, NOW + days * DAY)
        assert figures[TICKETS, "confirmed", "first_contact"] == confirmed
        assert figures[TICKETS, "confirmed", "other"] == 0
        assert ((RATIO, "confirmed") in figures) == bool(confirmed)
        assert figures[RATIO, "provisional"] == 1


def test_windows_under_a_week_are_never_confirmed() -> None:
    """They have no such series."""
    figures = shown(METRIC, counted(contact(NOW, "t")), NOW + HOUR, "24h")
    assert {labels[0] for _, *labels in figures if "bot" not in labels and "timeout" not in labels} == {
        "provisional"
    }


@pytest.mark.parametrize(
    ("after", "first"), [(1, 0), (7 * DAY, 0), (7 * DAY + 1, 1)], ids=["at once", "seven days", "later"]
)
def test_a_reopening_within_seven_days_is_a_repeated_contact(after: int, first: int) -> None:
    """The seventh day is in it to the millisecond."""
    events = [*contact(NOW, "t"), status(NOW + HOUR + after, "open", "t", customer_id="t")]
    assert result(events) == (first, 1 - first)


@pytest.mark.parametrize(("after", "first"), [(0, 1), (1, 0), (7 * DAY, 0), (7 * DAY + 1, 1), (-1, 1)])
def test_another_ticket_within_seven_days_is_a_repeated_contact(after: int, first: int) -> None:
    """Created after the solve, up to seven days, in whatever order they arrive."""
    follower = created(NOW + HOUR + after, "again", customer_id="t")
    for order in permutations([*contact(NOW, "t"), follower]):
        assert result(list(order)) == (first, 1 - first)


def test_only_of_the_same_customer_and_topic() -> None:
    """Absent equals absent; a later change of topic counts, for both tickets."""
    first = contact(NOW, "t", topic="bill")
    other = created(NOW + DAY, "u", customer_id="t", topic="parcel")
    assert result([*first, other, created(NOW + DAY, "v", customer_id="v", topic="bill")]) == (1, 0)
    assert result([*first, other, updated(NOW + 2 * DAY, "u", customer_id="t", topic="bill")]) == (0, 1)
    assert result([*first, other, updated(NOW + 2 * DAY, "t", customer_id="t", topic="parcel")]) == (0, 1)
    absent = [*contact(NOW, "t"), created(NOW + DAY, "u", customer_id="t")]
    assert result(absent) == (0, 1)
    assert result([*absent, updated(NOW + 2 * DAY, "u", customer_id="t", topic="x")]) == (1, 0)


def test_a_merged_or_deleted_ticket_is_no_repeated_contact() -> None:
    """It is taken back; of two followers the other one stays."""
    followers = [created(NOW + n * DAY, f"u{n}", customer_id="t") for n in (1, 2)]
    gone = [merged(NOW + 3 * DAY, "u1", customer_id="t"), deleted(NOW + 3 * DAY, "u2", customer_id="t")]
    assert result([*contact(NOW, "t"), *followers, gone[0]]) == (0, 1)
    assert result([*contact(NOW, "t"), *followers, *gone]) == (1, 0)


def test_judged_at_the_first_solve_by_people() -> None:
    """Solved by a bot, reopened, then solved by an agent: judged there, and counted apart at the bot's solve."""
    events = [
        created(NOW),
        status(NOW + MINUTE, "solved", by="bot"),
        status(NOW + 2 * MINUTE, "open"),
        message(NOW + 3 * MINUTE),
        status(NOW + HOUR, "solved", by="customer"),
        status(NOW + 9 * DAY, "open"),
        status(NOW + 9 * DAY + 1, "solved", by="timeout"),
    ]
    figures = shown(METRIC, counted(events), NOW + 10 * DAY)
    assert figures[TICKETS, "provisional", "first_contact"] == 1
    assert figures["cx_unassisted_solved_tickets", "bot"] == 1
    assert figures["cx_unassisted_solved_tickets", "timeout"] == 0


def test_solved_by_a_time_out_only_is_not_in_it() -> None:
    """Neither side, and counted apart."""
    partition = counted(contact(NOW, "t", by="timeout"))
    assert shown(METRIC, partition, NOW + HOUR, "1h") == {
        (TICKETS, "provisional", "first_contact"): 0,
        (TICKETS, "provisional", "other"): 0,
        ("cx_unassisted_solved_tickets", "bot"): 0,
        ("cx_unassisted_solved_tickets", "timeout"): 1,
    }


def test_messages_after_the_solve_or_not_public_are_no_touches() -> None:
    """Only public ones of agents up to it."""
    events = [
        *contact(NOW, "t"),
        message(NOW + 2 * MINUTE, ticket="t", public=False, customer_id="t"),
        message(NOW + 3 * MINUTE, "customer", "t", customer_id="t"),
        message(NOW + 2 * HOUR, ticket="t", customer_id="t"),
    ]
    assert result(events) == (1, 0)
