"""Referrals: sent, converted, reversed, in any order; a conversion stands unless it is reversed, whenever that is."""

import msgspec

from schemas.customers import ReferralConverted, ReferralReversed, ReferralSent
from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.entity import REFERRAL, Customer, Rollup, child_key, pack
from stream.core.aggregation.entity_store import EntityStore, Outcome
from stream.core.model.aggregate import Vector
from stream.core.model.aggregates.customers import ReferralsLayout
from stream.core.model.time_buckets import MINUTE

IN_FORCE = 3
"""Component of a ledger beside those of the metric: conversions that are not reversed."""


class ReferralState(msgspec.Struct, array_like=True, gc=False):
    """What is known of one `referral_id`: the time of its newest record in ms, its events, the conversion's minute."""

    record: int = 0
    sent: bool = False
    converted: int | None = None
    reversed: bool = False


unpack = msgspec.msgpack.Decoder(ReferralState).decode


def record_sent(store: EntityStore, customer: Customer, data: ReferralSent, event_time: int) -> Outcome:
    """Enter that a referral was sent."""
    key, referral = _load(store, data)
    if referral.sent:
        return "duplicate"
    referral.sent = True
    return _save(store, customer, key, referral, [(event_time // MINUTE, {ReferralsLayout.SENT: 1})])


def record_converted(
    store: EntityStore, customer: Customer, data: ReferralConverted, event_time: int
) -> Outcome:
    """Enter that who was referred became a customer."""
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
    """Enter that the conversion does not stand."""
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
    key = child_key(REFERRAL, data.customer_id, data.referral_id)
    raw = store.entities.get(key)
    return key, ReferralState() if raw is None else unpack(raw)


def _save(
    store: EntityStore,
    customer: Customer,
    key: bytes,
    referral: ReferralState,
    entries: list[tuple[int, Vector]],
) -> Outcome:
    referral.record = max(referral.record, store.record_timestamp)
    store.put(key, pack(referral), referral.record + store.rules.entity_retention)
    for minute, vector in entries:
        rollup.add_vector(
            customer.referrals, minute, vector, customer.newest_minute, customer.retention_start
        )
    return "accepted"


def latest_in_force(entries: Rollup) -> int | None:
    """The minute of the latest conversion that stands: the only one by which a customer counts as a referrer."""
    return max((minute for minute, vector in entries.items() if vector.get(IN_FORCE, 0) > 0), default=None)
