"""Events of customers: how each changes its customer."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from schemas.customers import (
    CancelScheduled,
    CancelWithdrawn,
    CustomerActivated,
    CustomerAttributes,
    CustomerChurned,
    CustomerResponded,
    CustomerUpdated,
    PurchaseCompleted,
    PurchaseRefunded,
    ReferralConverted,
    ReferralReversed,
    ReferralSent,
)
from schemas.envelope import Event
from schemas.feedback import AnswerSummarized
from stream.core.aggregation.content import checked_content
from stream.core.aggregation.customers import joined, lifecycle, orders, referrals, rollup
from stream.core.aggregation.customers.derive import (
    CustomerContributions,
    derive,
    refresh_attributes,
    rollups,
)
from stream.core.aggregation.customers.entity import (
    CUSTOMER,
    Activated,
    Churned,
    Customer,
    LifeEvent,
    Scheduled,
    Updated,
    Withdrawn,
    pack,
    retention_start,
    unpack,
)
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregates.customers import UNKNOWN
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import MINUTE

_NO_CONTRIBUTIONS = CustomerContributions([], [])


def process(store: EntityStore, event: Event, event_time: int, owner: bytes) -> Outcome:
    """Change a customer by an event, and the deltas by the difference. `event_time` is in ms."""
    data: Any = event.data
    key = CUSTOMER + owner
    raw = store.entities.get(key)
    if type(data) is AnswerSummarized:
        joined.change(store, key, _new_customer(store) if raw is None else unpack(raw), data)
        return "accepted"
    old = None if raw is None else unpack(raw)
    if type(data) is CustomerResponded and old is not None and old.responder:
        return "duplicate"
    new = Customer() if raw is None else unpack(raw)
    _advance_time(new, store)
    ignored = len(store.ignored_labels)
    if type(data) in _LIFE_EVENTS:
        life_event = _LIFE_EVENTS[type(data)](store, data, event_time, event.id)
        outcome: Outcome = "accepted" if lifecycle.insert_event(new, life_event) else "duplicate"
    else:
        outcome = _HANDLERS[type(data)](store, new, data, event_time)
    if outcome == "duplicate":
        del store.ignored_labels[ignored:]
        return outcome
    refresh_attributes(new, store.config)
    after = derive(new) if old is None else derive(new, old)
    before = _NO_CONTRIBUTIONS if old is None else derive(old, new)
    for retracted, added in zip(before, after, strict=True):
        if retracted != added:
            store.apply_difference(retracted, added)
    store.put(key, pack(new), None)
    return outcome


def _new_customer(store: EntityStore) -> Customer:
    customer = Customer()
    _advance_time(customer, store)
    refresh_attributes(customer, store.config)
    return customer


def _advance_time(customer: Customer, store: EntityStore) -> None:
    """Advance a customer to the watermark: forget expired events and downsample roll-ups."""
    now = store.watermark // MINUTE
    if now <= customer.newest_minute:
        return
    customer.newest_minute = now
    customer.retention_start = retention_start(now, store.config)
    if len(customer.life_events) > 1:
        lifecycle.forget(customer)
    for account in customer.accounts.values():
        orders.forget_old(account, customer.retention_start)
    for entries in rollups(customer):
        rollup.downsample(entries, customer.newest_minute, customer.retention_start)


def _content(store: EntityStore, data: CustomerAttributes) -> bytes:
    """Return a hash of the checked content, whatever values are capped."""
    return blake2b(checked_content(data, store.config.labels), digest_size=6).digest()


def _activated(store: EntityStore, data: CustomerActivated, event_time: int, event_id: str) -> LifeEvent:
    judged, values = store.watermark // MINUTE, store.dimension_values(data)
    return Activated(event_time, event_id, judged, data.margin_bp, values, _content(store, data))


def _updated(store: EntityStore, data: CustomerUpdated, event_time: int, event_id: str) -> LifeEvent:
    judged, values = store.watermark // MINUTE, store.dimension_values(data)
    return Updated(event_time, event_id, judged, data.margin_bp, values, _content(store, data))


def _churned(store: EntityStore, data: CustomerChurned, event_time: int, event_id: str) -> LifeEvent:
    reason = UNKNOWN if data.reason is None else store.cardinality.cap_code("churned", "", data.reason)
    return Churned(event_time, event_id, store.watermark // MINUTE, reason, data.voluntary)


def _scheduled(store: EntityStore, _: CancelScheduled, event_time: int, event_id: str) -> LifeEvent:
    return Scheduled(event_time, event_id, store.watermark // MINUTE)


def _withdrawn(store: EntityStore, _: CancelWithdrawn, event_time: int, event_id: str) -> LifeEvent:
    return Withdrawn(event_time, event_id, store.watermark // MINUTE)


def _responded(_: EntityStore, customer: Customer, __: CustomerResponded, ___: int) -> Outcome:
    """Mark the customer as a responder."""
    customer.responder = True
    return "accepted"


_LIFE_EVENTS: dict[type, Callable[..., LifeEvent]] = {
    CustomerActivated: _activated,
    CustomerUpdated: _updated,
    CustomerChurned: _churned,
    CancelScheduled: _scheduled,
    CancelWithdrawn: _withdrawn,
}
_HANDLERS: dict[type, Callable[[EntityStore, Customer, Any, int], Outcome]] = {
    PurchaseCompleted: orders.complete_purchase,
    PurchaseRefunded: orders.refund_purchase,
    ReferralSent: referrals.record_sent,
    ReferralConverted: referrals.record_converted,
    ReferralReversed: referrals.record_reversed,
    CustomerResponded: _responded,
}
