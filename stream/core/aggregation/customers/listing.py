"""The list of customers behind `cx_cancel_scheduled_customers` and `cx_churned_customers`, a row for each churn."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from stream.core.aggregation.customers.attributes import present_attributes
from stream.core.aggregation.customers.entity import PLAN, Churned, LifeEvent, Scheduled
from stream.core.aggregation.customers.lifecycle import replay
from stream.core.model.listing import LeavingRow
from stream.core.model.time_buckets import Window


class _LifeEvents(msgspec.Struct, array_like=True, gc=False):
    """The first field of `Customer`, which is all that is decoded."""

    life_events: list[LifeEvent]


_decode = msgspec.msgpack.Decoder(_LifeEvents).decode


class LeavingCustomer(NamedTuple):
    """A customer who gave notice at `scheduled` (ms, None if not, or not any more) or who churned.

    Of several notices that stand it is the first, as in `cx_leaving_customers`.
    """

    plan: str | None
    scheduled: int | None
    churns: tuple[tuple[int, str, bool], ...]
    """Time in ms, reason, and whether it was voluntary."""


def leaving(raw: bytes) -> LeavingCustomer | None:
    """Return what a packed customer has to do with leaving, None if nothing."""
    events = _decode(raw).life_events
    if not any(isinstance(event, Scheduled | Churned) for event in events):
        return None
    lives = replay(events)
    scheduled = lives.decision(len(lives.starts) - 1) if lives.cancel_scheduled else None
    if scheduled is None and not lives.ends:
        return None
    values = present_attributes(events).values
    return LeavingCustomer(
        values[PLAN] if len(values) > PLAN else None,
        scheduled,
        tuple((end.time, end.reason, end.voluntary) for end in lives.ends),
    )


def rows(customer_id: str, customer: LeavingCustomer, window: Window, now: int) -> Iterator[LeavingRow]:
    """Yield the rows of a customer: the notice, and the churns in the window at `now` (ms)."""
    plan = customer.plan
    if customer.scheduled is not None:
        yield LeavingRow(customer.scheduled, customer_id, "scheduled", None, None, plan)
    for time, reason, voluntary in customer.churns:
        if window.contains(time, now):
            yield LeavingRow(time, customer_id, "churned", reason, voluntary, plan)
