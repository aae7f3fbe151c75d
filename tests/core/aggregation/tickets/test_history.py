"""The history of a ticket: cycles, contacts, solves and waits, worked out by hand."""

from itertools import permutations
from typing import Any

import pytest

from stream.core.aggregation.tickets import Tickets
from stream.core.aggregation.tickets.attributes import Attributes
from stream.core.aggregation.tickets.entity import TICKET, Solver, Ticket, unpack
from stream.core.aggregation.tickets.history import History, Solve, Waits, history
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
from tests.support import HOUR, MINUTE, NOW, SECOND, Event, count

T = NOW


def ticket_of(*events: Event) -> Ticket:
    """Return the ticket `t` after these events and a flush."""
    return unpack(count(Tickets(), events).store.entities[TICKET + b"t"])


def history_of(*events: Event) -> History:
    walked = history(ticket_of(*events))
    assert walked is not None
    return walked


def contact(end: int, seconds: float, **fields: Any) -> Event:
    """Return an interaction of the ticket that ends at `end` ms."""
    return handled(end, seconds, ticket_id="t", **fields)


def test_reply_and_solve_of_one_moment_are_ordered_by_what_they_are() -> None:
    """Whatever their IDs: the reply comes before the solve."""
    for reply, solve in ("ab", "ba"):
        walked = history_of(
            created(T), message(T + MINUTE, event_id=reply), status(T + MINUTE, "solved", event_id=solve)
        )
        assert walked.solves == [Solve(T + MINUTE, Solver.PEOPLE, 1)]
        assert walked.responses == [(T, T + MINUTE)]


def test_the_order_at_one_moment_in_any_order_of_reading() -> None:
    """Creation, the customer, the handoff, the agent, the statuses; the solve sorts last."""
    events = [
        created(T, opened_by="agent"),
        message(T, "customer"),
        handoff(T),
        message(T, "agent"),
        status(T, "open"),
        status(T, "solved"),
    ]
    expected = history_of(*events)
    assert expected.responses == [(T, T)]
    assert expected.handoffs == [(T, T)]
    assert expected.resolved
    assert not expected.reopenings
    assert all(history_of(*shuffled) == expected for shuffled in permutations(events))


def test_a_reply_cycle_opens_at_the_customers_first_message_after_an_answer() -> None:
    """Further messages of the customer do not open another one."""
    walked = history_of(
        created(T),
        message(T + 1 * MINUTE, "customer"),
        message(T + 5 * MINUTE),
        message(T + 7 * MINUTE, "customer"),
        message(T + 8 * MINUTE, "customer"),
        message(T + 9 * MINUTE, "bot"),
        message(T + 9 * MINUTE, public=False),
        message(T + 10 * MINUTE),
        message(T + 11 * MINUTE),
    )
    assert walked.responses == [(T, T + 5 * MINUTE)]
    assert walked.next_responses == [(T + 7 * MINUTE, T + 10 * MINUTE)]
    assert walked.open_cycle is None


def test_a_solve_discards_a_reply_cycle_and_none_opens_while_resolved() -> None:
    """A reopening opens a contact cycle instead."""
    events = (
        created(T),
        message(T + 1 * MINUTE),
        message(T + 2 * MINUTE, "customer"),
        status(T + 3 * MINUTE, "solved"),
        message(T + 4 * MINUTE, "customer"),
    )
    walked = history_of(*events)
    assert (walked.next_responses, walked.open_cycle) == ([], None)
    reopened = history_of(*events, status(T + 5 * MINUTE, "open"), message(T + 6 * MINUTE, "customer"))
    assert (reopened.contact_cycle, reopened.reply_cycle) == (T + 5 * MINUTE, None)
    assert reopened.reopenings == [T + 5 * MINUTE]


def test_an_agents_ticket_waits_from_the_customers_first_message() -> None:
    """Also while it is resolved. A message before the creation is none."""
    walked = history_of(
        message(T - 1, "customer"),
        created(T, opened_by="agent"),
        status(T + MINUTE, "solved"),
        message(T + 2 * MINUTE, "customer"),
    )
    assert walked.contact_cycle == T + 2 * MINUTE
    later = history_of(
        created(T, opened_by="agent"),
        status(T + 1, "solved"),
        status(T + 2, "open"),
        message(T + 3, "customer"),
        message(T + 4),
        message(T + 5, "customer"),
    )
    assert later.responses == [(T + 2, T + 4)]
    assert later.reply_cycle == T + 5


def test_a_handled_interaction_is_a_contact_from_its_start() -> None:
    """460 s until 10 minutes after the creation: the response comes after 140 s. Abandoned ones and bots are none."""
    end = T + 10 * MINUTE
    walked = history_of(created(T), contact(end, 400, wrap=60), status(end + 5 * SECOND, "solved"))
    assert walked.responses == [(T, T + 140 * SECOND)]
    assert walked.solves[0].contact_count == 1
    for outcome in ("abandoned", "bot"):
        none = history_of(created(T), contact(end, 400, outcome=outcome), status(end, "solved"))
        assert none.solves[0].contact_count == 0


def test_a_solve_during_wrap_up_is_answered() -> None:
    """The contact stands at its start."""
    walked = history_of(created(T), status(T + 4 * MINUTE, "solved"), contact(T + 5 * MINUTE, 120))
    assert walked.solves[0].contact_count == 1


def test_an_interaction_under_way_at_the_creation_is_a_contact_of_that_moment() -> None:
    """One that ended before it, or at it with its start there, is before it or at it."""
    assert history_of(created(T), contact(T + MINUTE, 300)).responses == [(T, T)]
    assert history_of(created(T), contact(T, 300)).responses == [(T, T)]
    assert history_of(created(T), contact(T - 1, 300)).contact_cycle == T


def test_a_cycle_that_opens_during_an_interaction_ends_at_once() -> None:
    """A message of the customer at the end of the call is within it, a reopening there is after it."""
    call = contact(T + 10 * MINUTE, 600)
    walked = history_of(
        created(T), call, message(T + 5 * MINUTE, "customer"), message(T + 10 * MINUTE, "customer")
    )
    assert walked.responses == [(T, T)]
    assert walked.next_responses == [(T + 5 * MINUTE,) * 2, (T + 10 * MINUTE,) * 2]
    assert walked.open_cycle is None
    for at, cycle in ((T + 9 * MINUTE, None), (T + 10 * MINUTE, T + 10 * MINUTE)):
        reopened = history_of(created(T), call, status(T + MINUTE, "solved"), status(at, "open"))
        assert reopened.contact_cycle == cycle
        assert len(reopened.responses) == (2 if cycle is None else 1)


def test_only_the_revision_of_an_interaction_that_counts_is_a_contact() -> None:
    """The newest of equal revisions counts, and an abandoned one takes the contact back."""
    first = contact(T + 10 * MINUTE, 60, interaction_id="i")
    second = contact(T + 20 * MINUTE, 60, interaction_id="i")
    taken_back = contact(T + 5 * MINUTE, 60, interaction_id="i", outcome="abandoned", revision=1)
    for events in permutations((first, second)):
        assert history_of(created(T), *events).responses == [(T, T + 19 * MINUTE)]
    for events in permutations((first, second, taken_back)):
        assert history_of(created(T), *events).contact_cycle == T


def test_a_handoff_is_answered_by_the_next_contact() -> None:
    """Two handoffs before one contact are two responses. A handoff during a call is not ended by that call."""
    walked = history_of(created(T), handoff(T + 1), handoff(T + 2), message(T + 3))
    assert walked.handoffs == [(T + 1, T + 3), (T + 2, T + 3)]
    assert history_of(created(T), contact(T + MINUTE, 60), handoff(T + 1)).handoffs == []


def test_a_note_made_public_answers_when_it_is_public() -> None:
    """A later public copy of the same message, and a note of it, are duplicates or count for nothing."""
    note = message(T + MINUTE, message_id="m", public=False)
    public = message(T + 5 * MINUTE, message_id="m")
    copy = message(T + 3 * MINUTE, message_id="m")
    assert history_of(created(T), note, public, copy).responses == [(T, T + 5 * MINUTE)]
    assert history_of(created(T), public, note).responses == [(T, T + 5 * MINUTE)]


def test_waits_by_status() -> None:
    """New 1 h, open 2 h, pending 5 h, on hold 1 h, open 1 h, then solved (GOLDEN ART-2: 5 h of each)."""
    statuses = [("open", 1), ("pending", 3), ("on_hold", 8), ("open", 9), ("solved", 10)]
    events = [created(T), *(status(T + hours * HOUR, to) for to, hours in statuses)]
    assert history_of(*events).waits == Waits(5 * HOUR, 5 * HOUR, HOUR)
    reopened = [*events, status(T + 20 * HOUR, "pending"), status(T + 21 * HOUR, "closed")]
    assert history_of(*reopened).waits == Waits(5 * HOUR, 6 * HOUR, HOUR)
    assert history_of(*reopened, status(T + 22 * HOUR, "solved")).waits == Waits(5 * HOUR, 6 * HOUR, HOUR)


def test_what_sorts_before_the_creation_is_ignored_but_for_dimensions() -> None:
    """The first creation counts. Earlier statuses, messages and topics do not."""
    events = [
        updated(T - 2, team="early", channel="chat", topic="bill"),
        status(T - 1, "solved"),
        message(T - 1),
        created(T, channel="web"),
        created(T + 1, channel="mail", opened_by="agent", topic="other"),
    ]
    ticket = ticket_of(*events)
    walked = history(ticket)
    assert walked is not None
    assert (walked.solves, walked.responses, walked.contact_cycle) == ([], [], T)
    attributes = Attributes(ticket)
    assert attributes.at_creation[:3] == ("web", None, "early")
    assert not any(attributes.at_creation[3:])
    assert attributes.topic is None


def test_the_topic_is_that_of_the_last_event_that_names_one() -> None:
    """Of creation and updates after it."""
    ticket = ticket_of(created(T, topic="bill"), updated(T + 1, topic="login"), updated(T + 2, team="back"))
    assert Attributes(ticket).topic == "login"
    assert Attributes(ticket).at(T) == (None, None, None, None, None, "bill")
    assert Attributes(ticket).present == (None, None, "back", None, None, "login")


@pytest.mark.parametrize("end", [merged(T - 5), deleted(T + 5)])
def test_merged_and_deleted_tickets_have_no_history(end: Event) -> None:
    """Wherever the event sorts."""
    assert history(ticket_of(created(T), end)) is None


def test_the_customer_is_the_one_named_last() -> None:
    """By time, kind and ID, in whatever order they are read. An interaction is one of the events."""
    events = [
        created(T, customer_id="a"),
        message(T + 2, customer_id="b", event_id="y"),
        message(T + 2, customer_id="c", event_id="x"),
        contact(T + 1, 0.1, customer_id="d"),
        status(T + 9, "open"),
    ]
    assert {ticket_of(*shuffled).customer for shuffled in permutations(events)} == {"b"}
    assert ticket_of(*events, contact(T + 3, 1, customer_id="e")).customer == "e"


def test_natural_keys_make_redeliveries_duplicates() -> None:
    """Under a new ID. Two updates of one moment that differ are both used, by ID."""
    events = [
        created(T, customer_id="a", labels={"brand": "x", "other": 1}),
        status(T + 1, "open"),
        handoff(T + 2),
        updated(T + 3, team="a"),
        message(T + 4, message_id="m"),
        merged(T + 5),
    ]
    task = count(Tickets(), [*events, *(event._replace(id="copy") for event in events)])
    assert (task.outcome_counts["accepted"], task.outcome_counts["duplicate"]) == (6, 6)
    first, second = updated(T, team="b"), updated(T, team="c")
    for earlier, later in permutations((first._replace(id="1"), second._replace(id="2"))):
        assert Attributes(ticket_of(created(T), earlier, later)).present == (None, None, "c")
