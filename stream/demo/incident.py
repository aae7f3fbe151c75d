"""What goes wrong in the demo while its visitor watches: the app's customers wait for an answer, then they leave."""

from schemas.customers import CustomerChurned
from stream.demo.business import Business
from stream.demo.story import MINUTE, SECOND, TimedEvent

CHANNEL = "app"
WAITED, LEFT = 60, 25
ALERTS = ("CxFirstResponseSlow", "CxChurnSpike")
"""The alerts that fire because of it, each in total and for the channel."""
STORY = (
    "Two hours ago the app began to refuse logins. Sixty customers wrote, and only now they are answered; twenty-five of "
    "the app's customers leave."
)
ALERTS_COME = "Within a minute or so two alerts come:"
ALERTS_WOULD_COME = (
    f"With Prometheus, {' and '.join(ALERTS)} would now be sent, each in total and for the channel {CHANNEL}. Here nothing "
    "evaluates their rules: install Prometheus 2.42 or newer, or put it on PATH, and start the demo again."
)


def late_answers(business: Business, now: int) -> list[TimedEvent]:
    """Tickets of two hours ago, all answered within the last seconds."""
    customers = _customers(business)
    tickets = (
        business.ticket(now - (120 + n % 60) * MINUTE, now - n * SECOND // 10, CHANNEL, customers[n])
        for n in range(WAITED)
    )
    return [event for ticket in tickets for event in ticket if event.time <= now]


def churns(business: Business, now: int) -> list[TimedEvent]:
    """Customers who leave, all within the last seconds."""
    return [
        TimedEvent(
            now - n * SECOND // 10, f"{customer}-left", CustomerChurned(customer_id=customer, reason="login")
        )
        for n, customer in enumerate(_customers(business)[:LEFT])
    ]


def _customers(business: Business) -> list[str]:
    return [customer for customer, channel in business.channels.items() if channel == CHANNEL]
