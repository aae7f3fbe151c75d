import pytest

from schemas.codec import make
from schemas.customers import CustomerActivated, CustomerChurned
from schemas.tickets import TicketCreated, TicketMessage
from stream.demo.business import CUSTOMERS, Business
from stream.demo.expected import series
from stream.demo.expected_business import expected_business
from stream.demo.incident import CHANNEL, LEFT, WAITED, churns, late_answers, notes
from stream.demo.story import DAY, HISTORY, MINUTE, TimedEvent

NOW = 1_790_000_000_000


@pytest.fixture
def business():
    """A shop with its history."""
    shop = Business()
    shop.history(NOW)
    return shop


def test_the_same_seed_gives_the_same_history():
    """Another seed gives another history."""
    assert Business().history(NOW) == Business().history(NOW)
    assert Business(seed=2).history(NOW) != Business().history(NOW)


def test_all_but_the_activations_are_in_the_longest_window():
    """Events are sorted and not in the future.

    Customers were activated before, but after Kafka's oldest record.
    """
    history = Business().history(NOW)
    times = [event.time for event in history]
    assert times == sorted(times)
    assert times[-1] <= NOW
    joined = [event.time for event in history if isinstance(event.data, CustomerActivated)]
    assert len(joined) == CUSTOMERS
    assert min(joined) > NOW - 45 * DAY
    assert max(joined) <= NOW - 31 * DAY
    assert min(set(times) - set(joined)) >= NOW - HISTORY
    assert len({event.id for event in history}) == len(history)
    for event in history:
        make(event.data, id=event.id, source="/demo", time=event.time)


def test_the_incident_is_of_one_channel(business):
    """Replies to tickets whose target has just passed, and churns of active customers, all by now."""
    late_events, churn_events = late_answers(business, NOW), churns(business, NOW)
    (note,) = notes(NOW)
    assert (note.data.channel, note.time) == (CHANNEL, NOW - 40 * MINUTE)
    created = {e.data.ticket_id: e for e in late_events if isinstance(e.data, TicketCreated)}
    answered = {e.data.ticket_id: e for e in late_events if isinstance(e.data, TicketMessage)}
    assert len(created) == len(answered) == WAITED
    assert {e.data.channel for e in created.values()} == {CHANNEL}
    assert all(answered[ticket].time - e.time > 60 * MINUTE for ticket, e in created.items())
    assert {business.channels[e.data.customer_id] for e in churn_events} == {CHANNEL}
    assert len({e.data.customer_id for e in churn_events}) == LEFT
    assert all(NOW - MINUTE < e.time <= NOW for e in [*answered.values(), *churn_events])
    gone = {e.data.customer_id for e in Business().history(NOW) if isinstance(e.data, CustomerChurned)}
    assert business.channels.keys().isdisjoint(gone)
    assert len(business.channels) == CUSTOMERS - len(gone)


def test_new_tickets_are_answered_at_once(business):
    """Some tickets, each answered at the given moment."""
    events = [event for _ in range(100) for event in business.passing(NOW)]
    assert {event.time for event in events if isinstance(event.data, TicketMessage)} == {NOW}
    assert len({event.id for event in events}) == len(events) > 20


def test_figures_of_a_worked_case():
    """One of two customers churns, and one of two tickets is answered after the hour."""
    events = [
        TimedEvent(NOW - 31 * DAY, "1", CustomerActivated(customer_id="a", channel="web")),
        TimedEvent(NOW - 31 * DAY, "2", CustomerActivated(customer_id="b", channel="app")),
        TimedEvent(NOW, "3", CustomerChurned(customer_id="b", reason="price")),
    ]
    business = Business()
    for number, wait in enumerate((30, 90)):
        created = NOW - DAY + number
        events += business.ticket(created, created + wait * MINUTE, "app", "b")
    events.append(next(business.ticket(NOW - MINUTE, NOW, "web", "a")))
    figures_found = expected_business(events)
    app = {"view": "channel", "channel": "app", "window": "30d"}
    assert figures_found[series("cx_churn_ratio", view="total", window="30d", method="cohort")] == 0.5
    assert figures_found[series("cx_churn_ratio", method="cohort", **app)] == 1
    assert figures_found[series("cx_churned_customers", reason="price", **app)] == 1
    assert figures_found[series("cx_active_customers", view="total")] == 1
    assert figures_found[series("cx_first_responses", **app)] == 2
    assert figures_found[series("cx_first_responses_within_target", **app)] == 1
    assert figures_found[series("cx_first_response_mean_seconds", **app)] == 3_600
    assert figures_found[series("cx_waiting_tickets", view="total")] == 1
    assert figures_found[series("cx_open_tickets", view="total")] == 1
