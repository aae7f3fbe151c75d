"""Referrals: sent, converted, reversed, in any order; a conversion stands unless it is reversed, whenever that is."""

import msgspec

from schemas.customers import ReferralConverted, ReferralReversed, ReferralSent
from stream.core.book import Book, Outcome
from stream.core.buckets import MINUTE
from stream.core.customers import ledger
from stream.core.customers.facts import REFERRAL, Customer, Ledger, own_key, pack
from stream.core.metrics.referral import CONVERTED, REVERSED, SENT
from stream.core.tally import Vector

STANDING = 3
"""Component of a ledger beside those of the metric: conversions that are not reversed."""


class Referral(msgspec.Struct, array_like=True, gc=False):
    """What is known of one `referral_id`: the time of its newest record in ms, its events, the conversion's minute."""

    record: int = 0
    sent: bool = False
    converted: int | None = None
    reversed: bool = False


unpack = msgspec.msgpack.Decoder(Referral).decode


def sent(book: Book, customer: Customer, data: ReferralSent, at: int) -> Outcome:
    """Enter that a referral was sent."""
    key, referral = _known(book, data)
    if referral.sent:
        return "duplicate"
    referral.sent = True
    return _enter(book, customer, key, referral, [(at // MINUTE, {SENT: 1})])


def converted(book: Book, customer: Customer, data: ReferralConverted, at: int) -> Outcome:
    """Enter that who was referred became a customer."""
    key, referral = _known(book, data)
    if referral.converted is not None:
        return "duplicate"
    referral.converted = at // MINUTE
    vector = {CONVERTED: 1} if referral.reversed else {CONVERTED: 1, STANDING: 1}
    return _enter(book, customer, key, referral, [(at // MINUTE, vector)])


def reversed_(book: Book, customer: Customer, data: ReferralReversed, at: int) -> Outcome:
    """Enter that the conversion does not stand."""
    key, referral = _known(book, data)
    if referral.reversed:
        return "duplicate"
    referral.reversed = True
    entries: list[tuple[int, Vector]] = [(at // MINUTE, {REVERSED: 1})]
    if referral.converted is not None:
        entries.append((referral.converted, {STANDING: -1}))
    return _enter(book, customer, key, referral, entries)


def _known(book: Book, data: ReferralSent | ReferralConverted | ReferralReversed) -> tuple[bytes, Referral]:
    key = own_key(REFERRAL, data.customer_id, data.referral_id)
    raw = book.entities.get(key)
    return key, Referral() if raw is None else unpack(raw)


def _enter(
    book: Book, customer: Customer, key: bytes, referral: Referral, entries: list[tuple[int, Vector]]
) -> Outcome:
    referral.record = max(referral.record, book.record_time)
    book.put(key, pack(referral), referral.record + book.rules.memory)
    for minute, vector in entries:
        ledger.enter(customer.referrals, minute, vector, customer.seen, customer.floor)
    return "accepted"


def latest_standing(entries: Ledger) -> int | None:
    """The minute of the latest conversion that stands: the only one by which a customer counts as a referrer."""
    return max((minute for minute, vector in entries.items() if vector.get(STANDING, 0) > 0), default=None)
