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
from schemas.topics import CUSTOMERS
from stream.core.book import Book, Outcome
from stream.core.buckets import MINUTE
from stream.core.customers import ledger, lives, orders, referrals
from stream.core.customers.derive import Made, derive, face, ledgers
from stream.core.customers.facts import (
    CUSTOMER,
    REFERRAL,
    Activated,
    Churned,
    Customer,
    LifeEvent,
    Scheduled,
    owner,
    pack,
    unpack,
)
from stream.core.domain import Name, Plain, one_by_one
from stream.core.metrics.churn import UNKNOWN
from stream.core.panes import Cell
from stream.core.rules import Rules
from stream.core.tally import Contribution

_NOT_YET = Made([], [])
LONGEST_SOURCE = 64
"""Characters of an event's source that are kept as they came; a hash stands for a longer one."""
_stamp = msgspec.msgpack.Decoder(int).decode


class Customers:
    """The domain of `cx.customers`."""

    name: Name = "customers"
    topic = CUSTOMERS
    since = 1
    loosely = ()

    def expires(self, data: object) -> bool:
        """Whether an event may come too late: none of this domain."""
        del data
        return False

    def apply(self, book: Book, event: Event, at: int, person: bytes) -> Outcome:
        """Enter an event in the facts of its customer. `at` and its record's time are in ms."""
        data: Any = event.data
        key = CUSTOMER + person
        raw = book.entities.get(key)
        old, new = (None, Customer()) if raw is None else (unpack(raw), unpack(raw))
        _advance(new, book)
        ignored = book.labels_ignored
        if type(data) in _LIFE:
            happened = _LIFE[type(data)](book, data, at, _short(event.source), event.id)
            outcome: Outcome = "accepted" if lives.enter(new, happened) else "duplicate"
        else:
            outcome = _OTHER[type(data)](book, new, data, at)
        if outcome == "duplicate":
            book.labels_ignored = ignored
            return outcome
        face(new, book.rules)
        after = derive(new) if old is None else derive(new, old)
        before = _NOT_YET if old is None else derive(old, new)
        for gone, made in zip(before, after, strict=True):
            if gone != made:
                book.replace(gone, made)
        book.put(key, pack(new), None)
        return outcome

    def look(self, book: Book, events: Sequence[Event]) -> Sequence[Event]:
        """Nothing that decoding does not see."""
        del book
        return events

    def apply_all(self, book: Book, plain: Plain) -> list[int]:
        """`apply` for each; the times of those accepted."""
        return one_by_one(self, book, plain)

    def settle(self, book: Book) -> None:
        """Nothing waits: each event goes to the figures at once."""

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark at which an entity is forgotten: a customer never, what it did like a closed ticket."""
        kind = key[:1]
        if kind == CUSTOMER:
            return None
        return (referrals.unpack(raw).record if kind == REFERRAL else _stamp(raw)) + rules.memory

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        del raw
        return owner(key)

    def made(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an entity contributes."""
        del rules
        if key[:1] != CUSTOMER:
            return ()
        made = derive(unpack(raw))
        return (*made.present, *made.past)

    def withdrawn(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: the present life, its beginning included."""
        del rules
        return tuple(derive(unpack(raw)).present) if key[:1] == CUSTOMER else ()

    def rederive(self, key: bytes, raw: bytes, book: Book, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] != CUSTOMER:
            return raw
        customer = unpack(raw)
        customer.log = [
            msgspec.structs.replace(event, values=book.remap(event.values, old))
            if isinstance(event, Activated)
            else event
            for event in customer.log
        ]
        customer.floor = _floor(customer.seen, book.rules)
        face(customer, book.rules)
        return pack(customer)

    def code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell, with the group within which codes are capped."""
        return ("", cell.extra[0]) if cell.tally == "churned" else None


def _floor(seen: int, rules: Rules) -> int:
    return seen - rules.memory // MINUTE


def _advance(customer: Customer, book: Book) -> None:
    """Let time pass up to the record that is being judged: what is too old is forgotten, what is older merged."""
    now = book.record_time // MINUTE
    if now <= customer.seen:
        return
    customer.seen = now
    customer.floor = _floor(now, book.rules)
    if len(customer.log) > 1:
        lives.forget(customer)
    for entries in ledgers(customer):
        ledger.age(entries, customer.seen, customer.floor)


def _short(source: str) -> str:
    """What tells a source from others: a source has no limit of its own, a record has."""
    return source if len(source) <= LONGEST_SOURCE else blake2b(source.encode(), digest_size=16).hexdigest()


def _activated(book: Book, data: CustomerActivated, at: int, source: str, name: str) -> LifeEvent:
    record = book.record_time // MINUTE
    return Activated(at, name, source, record, data.plan, data.margin_bp, book.values(data))


def _scheduled(book: Book, data: CancelScheduled, at: int, source: str, name: str) -> LifeEvent:
    del data
    return Scheduled(at, name, source, book.record_time // MINUTE)


def _churned(book: Book, data: CustomerChurned, at: int, source: str, name: str) -> LifeEvent:
    reason = UNKNOWN if data.reason is None else book.known.code("churned", "", data.reason)
    return Churned(at, name, source, book.record_time // MINUTE, reason, data.voluntary)


def _responded(book: Book, customer: Customer, data: CustomerResponded, at: int) -> Outcome:
    """The customer answers surveys; the membership is all that is remembered of it."""
    del book, data, at
    if customer.responder:
        return "duplicate"
    customer.responder = True
    return "accepted"


_LIFE: dict[type, Callable[..., LifeEvent]] = {
    CustomerActivated: _activated,
    CancelScheduled: _scheduled,
    CustomerChurned: _churned,
}
_OTHER: dict[type, Callable[[Book, Customer, Any, int], Outcome]] = {
    PurchaseCompleted: orders.completed,
    PurchaseRefunded: orders.refunded,
    ReferralSent: referrals.sent,
    ReferralConverted: referrals.converted,
    ReferralReversed: referrals.reversed_,
    CustomerResponded: _responded,
}
