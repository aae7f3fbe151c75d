"""Referrals: sent, converted and reversed in any order. A conversion is in force unless it is ever reversed."""

import msgspec

from schemas.customers import ReferralConverted, ReferralReversed, ReferralSent
from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.entity import REFERRAL, Customer, Rollup, child_key, pack
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Vector
from stream.core.model.aggregates.customers import ReferralsLayout
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import MINUTE

IN_FORCE = 3
"""Component of the roll-up beside those of the metric: conversions that are not reversed."""


class ReferralState(msgspec.Struct, array_like=True, gc=False):
    """One `referral_id`: watermark at its newest record in ms, its events, and the minute of the conversion."""

    judged: int = 0
    sent: bool = False
    converted: int | None = None
    reversed: bool = False


unpack = msgspec.msgpack.Decoder(ReferralState).decode


def record_sent(store: EntityStore, customer: Customer, data: ReferralSent, event_time: int) -> Outcome:
    """Add a sent referral."""
    key, referral = _load(store, data)
    if referral.sent:
        return "duplicate"
    referral.sent = True
    return _save(store, customer, key, referral, [(event_time // MINUTE, {ReferralsLayout.SENT: 1})])


def record_converted(
    store: EntityStore, customer: Customer, data: ReferralConverted, event_time: int
) -> Outcome:
    """Add a conversion: the referred person became a customer."""
    key, referral = _load(store, data)
    if referral.converted is not None:
        return "duplicate"
    referral.converted = event_time // MINUTE
    vector = (
        {ReferralsLayout.CONVERTED: 1} if referral.reversed else {ReferralsLayout.CONVERTED: 1, IN_FORCE: 1}
    )
    return _save(store, customer, key, referral, [(event_time // MINUTE, vector)])


def record_reversed(
    store: EntityStore, customer: Customer, data: ReferralReversed, event_time: int
) -> Outcome:
    """Add a reversal of the conversion."""
    key, referral = _load(store, data)
    if referral.reversed:
        return "duplicate"
    referral.reversed = True
    entries: list[tuple[int, Vector]] = [(event_time // MINUTE, {ReferralsLayout.REVERSED: 1})]
    if referral.converted is not None:
        entries.append((referral.converted, {IN_FORCE: -1}))
    return _save(store, customer, key, referral, entries)


def _load(
    store: EntityStore, data: ReferralSent | ReferralConverted | ReferralReversed
) -> tuple[bytes, ReferralState]:
    """Return the key and the state of a referral. One that is forgotten begins anew."""
    key = child_key(REFERRAL, data.customer_id, data.referral_id)
    raw = store.entities.get(key)
    referral = ReferralState() if raw is None else unpack(raw)
    if referral.judged + store.config.entity_retention <= store.watermark:
        referral = ReferralState()
    return key, referral


def _save(
    store: EntityStore,
    customer: Customer,
    key: bytes,
    referral: ReferralState,
    entries: list[tuple[int, Vector]],
) -> Outcome:
    referral.judged = store.watermark
    store.put(key, pack(referral), referral.judged + store.config.entity_retention)
    for minute, vector in entries:
        rollup.add_vector(
            customer.referrals, minute, vector, customer.newest_minute, customer.retention_start
        )
    return "accepted"


def latest_in_force(entries: Rollup) -> int | None:
    """Return the minute of the latest conversion in force, by which a customer counts as a referrer. None if none is."""
    return max((minute for minute, vector in entries.items() if vector.get(IN_FORCE, 0) > 0), default=None)
