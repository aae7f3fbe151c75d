"""What is known of one customer, for people to read."""

from typing import NamedTuple

from stream.core.buckets import DAY
from stream.core.customers.facts import unpack
from stream.core.customers.lives import latest_activation, walk
from stream.core.metrics.clv import NET
from stream.core.money import joined


class Summary(NamedTuple):
    """One customer. Times in ms, `margin` in 1/10,000, `net` in minor units by currency.

    Frequency, recency and age are those of transaction-based models of lifetime value: days with a purchase after
    the first one, days from the first purchase to the last, days from the first purchase to the observation.
    """

    active: bool
    since: int | None
    """Start of the present life, as far as it is remembered."""
    cancel_scheduled: bool
    plan: str | None
    margin: int
    responder: bool
    net: dict[str, int]
    frequency: int
    recency_days: int
    age_days: int


def summary(raw: bytes, at: int) -> Summary:
    """The customer of an entity's bytes, as observed at `at` ms; without a purchase the last three are 0."""
    customer = unpack(raw)
    lives = walk(customer.log)
    last = latest_activation(customer.log)
    days = customer.days
    return Summary(
        active=lives.active,
        since=lives.starts[-1].time if lives.active else None,
        cancel_scheduled=lives.scheduled,
        plan=last.plan if last else None,
        margin=customer.margin,
        responder=customer.responder,
        net={currency: joined(account.total, NET) for currency, account in customer.accounts.items()},
        frequency=days.count - 1 if days else 0,
        recency_days=days.last - days.first if days else 0,
        age_days=at // DAY - days.first if days else 0,
    )
