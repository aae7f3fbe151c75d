"""Events of customers: how each changes its customer."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from schemas.customers import (
    CancelScheduled,
    CustomerActivated,
    CustomerChurned,
    CustomerResponded,
    PurchaseCompleted,
    PurchaseRefunded,
    ReferralConverted,
    ReferralReversed,
    ReferralSent,
)
from schemas.envelope import Event
from stream.core.aggregation.customers import lifecycle, orders, referrals, rollup
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
    pack,
    retention_start,
    unpack,
)
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregates.customers import UNKNOWN
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import MINUTE

_NO_CONTRIBUTIONS = CustomerContributions([], [])
MAX_SOURCE_CHARACTERS = 64
"""Longer sources of events are kept as a hash."""


def process(store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
    """Change a customer by an event, and the deltas by the difference. `event_time` is in ms."""
    data: Any = event.data
    key = CUSTOMER + person_key
    raw = store.entities.get(key)
    old, new = (None, Customer()) if raw is None else (unpack(raw), unpack(raw))
    _advance_time(new, store)
    ignored = store.labels_ignored
    if type(data) in _LIFE_EVENTS:
        life_event = _LIFE_EVENTS[type(data)](store, data, event_time, _short_source(event.source), event.id)
        outcome: Outcome = "accepted" if lifecycle.insert_event(new, life_event) else "duplicate"
    else:
        outcome = _HANDLERS[type(data)](store, new, data, event_time)
    if outcome == "duplicate":
        store.labels_ignored = ignored
        return outcome
    refresh_attributes(new, store.config)
    after = derive(new) if old is None else derive(new, old)
    before = _NO_CONTRIBUTIONS if old is None else derive(old, new)
    for retracted, added in zip(before, after, strict=True):
        if retracted != added:
            store.apply_difference(retracted, added)
    store.put(key, pack(new), None)
    return outcome


def _advance_time(customer: Customer, store: EntityStore) -> None:
    """Advance a customer to the time of the record: forget expired events and downsample roll-ups."""
    now = store.record_timestamp // MINUTE
    if now <= customer.newest_minute:
        return
    customer.newest_minute = now
    customer.retention_start = retention_start(now, store.config)
    if len(customer.life_events) > 1:
        lifecycle.forget(customer)
    for entries in rollups(customer):
        rollup.downsample(entries, customer.newest_minute, customer.retention_start)


def _short_source(source: str) -> str:
    """Return a source, or its hash if it is long. The length of a source has no limit, that of a record has."""
    return (
        source
        if len(source) <= MAX_SOURCE_CHARACTERS
        else blake2b(source.encode(), digest_size=16).hexdigest()
    )


def _activated(
    store: EntityStore, data: CustomerActivated, event_time: int, source: str, name: str
) -> LifeEvent:
    record = store.record_timestamp // MINUTE
    return Activated(
        event_time, name, source, record, data.plan, data.margin_bp, store.dimension_values(data)
    )


def _scheduled(
    store: EntityStore, data: CancelScheduled, event_time: int, source: str, name: str
) -> LifeEvent:
    del data
    return Scheduled(event_time, name, source, store.record_timestamp // MINUTE)


def _churned(store: EntityStore, data: CustomerChurned, event_time: int, source: str, name: str) -> LifeEvent:
    reason = UNKNOWN if data.reason is None else store.cardinality.cap_code("churned", "", data.reason)
    return Churned(event_time, name, source, store.record_timestamp // MINUTE, reason, data.voluntary)


def _responded(store: EntityStore, customer: Customer, data: CustomerResponded, event_time: int) -> Outcome:
    """Mark the customer as a responder."""
    del store, data, event_time
    if customer.responder:
        return "duplicate"
    customer.responder = True
    return "accepted"


_LIFE_EVENTS: dict[type, Callable[..., LifeEvent]] = {
    CustomerActivated: _activated,
    CancelScheduled: _scheduled,
    CustomerChurned: _churned,
}
_HANDLERS: dict[type, Callable[[EntityStore, Customer, Any, int], Outcome]] = {
    PurchaseCompleted: orders.complete_purchase,
    PurchaseRefunded: orders.refund_purchase,
    ReferralSent: referrals.record_sent,
    ReferralConverted: referrals.record_converted,
    ReferralReversed: referrals.record_reversed,
    CustomerResponded: _responded,
}
