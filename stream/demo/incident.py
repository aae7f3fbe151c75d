"""The incident of the demo: customers of the app wait for answers, then leave."""

from schemas.customers import CustomerChurned
from stream.demo.business import Business
from stream.demo.story import MINUTE, SECOND, TimedEvent

CHANNEL = "app"
WAITED, LEFT = 60, 25
ALERTS = ("CxFirstResponseSlow", "CxChurnSpike")
"""The alerts that fire, each in total and for the channel."""
STORY = (
    "Two hours ago the app began to refuse logins. Sixty customers opened tickets and are answered only now. Twenty-five of "
    "the app's customers leave."
)
ALERTS_COME = "Two alerts fire within about a minute:"
ALERTS_WOULD_COME = (
    f"With Prometheus, {' and '.join(ALERTS)} would now be sent, each in total and for the channel {CHANNEL}. "
    "To see them, install Prometheus 2.42 or newer, or put it on PATH, and start the demo again."
)


def late_answers(business: Business, now: int) -> list[TimedEvent]:
    """Return the events of tickets of two to three hours ago that are answered within the last seconds."""
    customers = _customers(business)
    tickets = (
        business.ticket(now - (120 + n % 60) * MINUTE, now - n * SECOND // 10, CHANNEL, customers[n])
        for n in range(WAITED)
    )
    return [event for ticket in tickets for event in ticket if event.time <= now]


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
