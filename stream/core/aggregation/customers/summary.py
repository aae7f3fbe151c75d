"""Summary of one customer for people to read."""

from typing import NamedTuple

from stream.core.aggregation.customers.attributes import present_attributes
from stream.core.aggregation.customers.entity import PLAN, unpack
from stream.core.aggregation.customers.lifecycle import replay
from stream.core.model.aggregates.customers import MoneyLayout
from stream.core.model.money import join
from stream.core.model.time_buckets import DAY


class CustomerSummary(NamedTuple):
    """One customer. Times in ms, `margin` in 1/10,000, `net` in minor units by currency.

    Frequency, recency and age are those of transaction-based models of lifetime value: number of days with a purchase
    after the first, days from the first purchase to the last, days from the first purchase to the observation.
    """

    active: bool
    since: int | None
    """Start of the present life as far as it is kept, None if not active."""
    cancel_scheduled: bool
    plan: str | None
    margin: int
    responder: bool
    net: dict[str, int]
    frequency: int
    recency_days: int
    age_days: int


def summarize(raw: bytes, event_time: int) -> CustomerSummary:
    """Summarize a packed customer as observed at `event_time` ms. Without a purchase the last three fields are 0."""
    customer = unpack(raw)
    lives = replay(customer.life_events)
    values, _ = present_attributes(customer.life_events)
    days = customer.purchase_days
    return CustomerSummary(
        active=lives.active,
        since=lives.starts[-1].time if lives.active else None,
        cancel_scheduled=lives.cancel_scheduled,
        plan=values[PLAN] if len(values) > PLAN else None,
        margin=customer.margin,
        responder=customer.responder,
        net={
            currency: join(account.total, MoneyLayout.NET) for currency, account in customer.accounts.items()
        },
        frequency=days.count - 1 if days else 0,
        recency_days=days.last - days.first if days else 0,
        age_days=event_time // DAY - days.first if days else 0,
    )
