"""Customers: their lives, what they buy and whom they bring."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

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
from schemas.topics import CUSTOMERS, DomainName
from stream.core.aggregation.customers import lifecycle, orders, referrals, rollup
from stream.core.aggregation.customers.derive import (
    CustomerContributions,
    derive,
    refresh_attributes,
    rollups,
)
from stream.core.aggregation.customers.entity import (
    CUSTOMER,
    REFERRAL,
    Activated,
    Churned,
    Customer,
    LifeEvent,
    Scheduled,
    customer_of_key,
    pack,
    unpack,
)
from stream.core.aggregation.domain import ValidatedBatch, process_one_by_one
from stream.core.aggregation.entity_store import EntityStore, Outcome
from stream.core.aggregation.pane_store import Cell
from stream.core.metrics.churn import UNKNOWN
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import MINUTE

_NO_CONTRIBUTIONS = CustomerContributions([], [])
MAX_SOURCE_CHARACTERS = 64
"""Characters of an event's source that are kept as they came; a hash stands for a longer one."""
_decode_timestamp = msgspec.msgpack.Decoder(int).decode


class Customers:
    """The domain of `cx.customers`."""

    name: DomainName = "customers"
    topic = CUSTOMERS
    oldest_readable_version = 1
    unchecked_types = ()

    def rejects_late(self, data: object) -> bool:
        """Whether an event may come too late: none of this domain."""
        del data
        return False

    def apply(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Enter an event in the facts of its customer. `at` and its record's time are in ms."""
        data: Any = event.data
        key = CUSTOMER + person_key
        raw = store.entities.get(key)
        old, new = (None, Customer()) if raw is None else (unpack(raw), unpack(raw))
        _advance_time(new, store)
        ignored = store.labels_ignored
        if type(data) in _LIFE_EVENTS:
            happened = _LIFE_EVENTS[type(data)](
                store, data, event_time, _short_source(event.source), event.id
            )
            outcome: Outcome = "accepted" if lifecycle.insert_event(new, happened) else "duplicate"
        else:
            outcome = _HANDLERS[type(data)](store, new, data, event_time)
        if outcome == "duplicate":
            store.labels_ignored = ignored
            return outcome
        refresh_attributes(new, store.rules)
        after = derive(new) if old is None else derive(new, old)
        before = _NO_CONTRIBUTIONS if old is None else derive(old, new)
        for gone, made in zip(before, after, strict=True):
            if gone != made:
                store.apply_difference(gone, made)
        store.put(key, pack(new), None)
        return outcome

    def validate_batch(self, store: EntityStore, events: Sequence[Event]) -> Sequence[Event]:
        """Nothing that decoding does not see."""
        del store
        return events

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> list[int]:
        """`apply` for each; the times of those accepted."""
        return process_one_by_one(self, store, batch)

    def derive_changes(self, store: EntityStore) -> None:
        """Nothing waits: each event goes to the figures at once."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """The watermark at which an entity is forgotten: a customer never, what it did like a closed ticket."""
        kind = key[:1]
        if kind == CUSTOMER:
            return None
        return (
            referrals.unpack(raw).record if kind == REFERRAL else _decode_timestamp(raw)
        ) + config.entity_retention

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        del raw
        return customer_of_key(key)

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """What an entity contributes."""
        del config
        if key[:1] != CUSTOMER:
            return ()
        made = derive(unpack(raw))
        return (*made.present, *made.past)

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: the present life, its beginning included."""
        del config
        return tuple(derive(unpack(raw)).present) if key[:1] == CUSTOMER else ()

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] != CUSTOMER:
            return raw
        customer = unpack(raw)
        customer.life_events = [
            msgspec.structs.replace(event, values=store.remap_values(event.values, old))
            if isinstance(event, Activated)
            else event
            for event in customer.life_events
        ]
        customer.retention_start = _retention_start(customer.newest_minute, store.rules)
        refresh_attributes(customer, store.rules)
        return pack(customer)

    def open_code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell, with the group within which codes are capped."""
        return ("", cell.own_labels[0]) if cell.aggregate == "churned" else None


def _retention_start(seen: int, config: AggregationConfig) -> int:
    return seen - config.entity_retention // MINUTE


def _advance_time(customer: Customer, store: EntityStore) -> None:
    """Let time pass up to the record that is being judged: what is too old is forgotten, what is older merged."""
    now = store.record_timestamp // MINUTE
    if now <= customer.newest_minute:
        return
    customer.newest_minute = now
    customer.retention_start = _retention_start(now, store.rules)
    if len(customer.life_events) > 1:
        lifecycle.forget(customer)
    for entries in rollups(customer):
        rollup.downsample(entries, customer.newest_minute, customer.retention_start)


def _short_source(source: str) -> str:
    """What tells a source from others: a source has no limit of its own, a record has."""
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
    """The customer answers surveys; the membership is all that is remembered of it."""
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
