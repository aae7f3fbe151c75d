"""Events of an incident: twenty-five customers of the app leave within five minutes, after a month of few churns."""

from schemas.customers import CancelScheduled, CustomerActivated, CustomerChurned
from schemas.tickets import TicketCreated
from tests.core.aggregation.feedback.test_notes import note
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND, Event

CUSTOMERS, LEFT = 1_001, 25
BEGAN = NOW - 5 * MINUTE
"""The time of the first of them."""
REASONS = ("price", "moved", "login")
"""Reasons of the churns of the month, one every 16 hours."""


def quiet_month(app: str = "app") -> list[Event]:
    """Return customers, every second one of the app, of whom 40 churned in the month, and one more by a failed payment."""
    events = []
    for n in range(CUSTOMERS):
        joined = CustomerActivated(customer_id=f"c{n}", channel=app if n % 2 else "web")
        events.append(Event(joined, NOW - 90 * DAY, NOW - 90 * DAY, f"a{n}"))
    for n in range(40):
        at = NOW - 29 * DAY + n * 16 * HOUR
        events.append(Event(CustomerChurned(customer_id=f"c{n}", reason=REASONS[n % 3]), at, at, f"q{n}"))
    failed = CustomerChurned(customer_id=f"c{CUSTOMERS - 1}", voluntary=False)
    return [*events, Event(failed, NOW - 9 * DAY, NOW - 9 * DAY, "failed")]


def leavers(reason: str = "login", n: int = LEFT) -> list[Event]:
    """Return churns of customers of the app, one every twelve seconds."""
    churns = (CustomerChurned(customer_id=f"c{101 + 2 * i}", reason=reason) for i in range(n))
    times = (BEGAN + i * 12 * SECOND for i in range(n))
    return [Event(churn, at, at, f"x{at}") for churn, at in zip(churns, times, strict=True)]


def release(text: str = "release 4.2", age: int = 9 * MINUTE, **dimensions: str) -> Event:
    """Return a note of so many ms before the first churn."""
    return note(text, text, BEGAN - age, **dimensions)


def open_matters() -> list[Event]:
    """Return three tickets of the app and one of the web that wait since yesterday, and two notices of customers of the app."""
    at = NOW - DAY
    tickets = [
        Event(TicketCreated(ticket_id=f"t{n}", channel="app" if n else "web"), at, at, f"t{n}")
        for n in range(4)
    ]
    notices = [
        Event(CancelScheduled(customer_id=f"c{n}", effective_at="2026-12-31T00:00:00Z"), at, at, f"n{n}")
        for n in (901, 903)
    ]
    return [*tickets, *notices]
