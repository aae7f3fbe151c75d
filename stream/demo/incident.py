"""The incident of the demo: customers of the app wait for answers, then leave."""

from schemas.customers import CustomerChurned
from schemas.notes import Note
from stream.demo.business import TARGET, Business
from stream.demo.story import MINUTE, SECOND, TimedEvent

CHANNEL = "app"
WAITED, LEFT = 60, 25
NOTE = "status page: app logins fail"
ALERTS = ("CxAnswersLate", "CxLeavingSpike")
"""The alerts that fire, each in total and for the channel."""
STORY = (
    "An hour ago the app began to refuse logins. Sixty customers opened tickets, which are answered only now that their targets "
    "have passed. Twenty-five of the app's customers leave."
)
ALERTS_COME = "Two alerts fire within about a minute. Others are about the checkout of the app, which has been bad for three days:"
ALERTS_WOULD_COME = (
    f"With Prometheus, {' and '.join(ALERTS)} would now be sent, each in total and for the channel {CHANNEL}. "
    "To see them, install Prometheus 2.42 or newer, or put it on PATH, and start the demo again."
)


def late_answers(business: Business, now: int) -> list[TimedEvent]:
    """Return the events of tickets whose target passed within the last three minutes, and which are answered now."""
    customers = _customers(business)
    tickets = (
        business.ticket(now - TARGET - (n + 30) * 2 * SECOND, now - n * SECOND // 10, CHANNEL, customers[n])
        for n in range(WAITED)
    )
    return [event for ticket in tickets for event in ticket if event.time <= now]


def notes(now: int) -> list[TimedEvent]:
    """Return a note of forty minutes ago, which the alerts name."""
    return [TimedEvent(now - 40 * MINUTE, "outage", Note(note_id="outage", text=NOTE, channel=CHANNEL))]


def churns(business: Business, now: int) -> list[TimedEvent]:
    """Return churns of customers within the last seconds."""
    return [
        TimedEvent(
            now - n * SECOND // 10, f"{customer}-left", CustomerChurned(customer_id=customer, reason="login")
        )
        for n, customer in enumerate(_customers(business)[:LEFT])
    ]


def _customers(business: Business) -> list[str]:
    return [customer for customer, channel in business.channels.items() if channel == CHANNEL]
