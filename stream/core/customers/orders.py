"""Purchases and refunds: each counted once, added up by customer and currency."""

from schemas.customers import PurchaseCompleted, PurchaseRefunded
from stream.core.book import Book, Outcome
from stream.core.buckets import DAY, MINUTE
from stream.core.customers import ledger
from stream.core.customers.facts import ORDER, REFUND, Account, Customer, Days, own_key, pack
from stream.core.metrics.clv import COUNT, NET
from stream.core.money import split
from stream.core.tally import add

_SPAN = 64


def completed(book: Book, customer: Customer, data: PurchaseCompleted, at: int) -> Outcome:
    """Enter a purchase; an order id is known per customer."""
    if not _first(book, own_key(ORDER, data.customer_id, data.order_id)):
        return "duplicate"
    customer.days = bought(customer.days, at // DAY)
    _enter(customer, data.currency, data.amount_minor, at)
    return "accepted"


def refunded(book: Book, customer: Customer, data: PurchaseRefunded, at: int) -> Outcome:
    """Enter a refund, at its own time, also of an order that is not known."""
    if not _first(book, own_key(REFUND, data.customer_id, data.refund_id)):
        return "duplicate"
    _enter(customer, data.currency, -data.amount_minor, at)
    return "accepted"


def _first(book: Book, key: bytes) -> bool:
    """Whether the key is new; it is remembered from its record on."""
    if key in book.entities:
        return False
    book.put(key, pack(book.record_time), book.record_time + book.rules.memory)
    return True


def _enter(customer: Customer, currency: str, amount: int, at: int) -> None:
    account = customer.accounts.get(currency)
    if account is None:
        account = customer.accounts[currency] = Account()
    vector = {COUNT: 1, **split(amount, NET)}
    add(account.total, vector)
    ledger.enter(account.recent, at // MINUTE, vector, customer.seen, customer.floor)


def bought(days: Days | None, day: int) -> Days:
    """The days on which a customer bought, with one more purchase."""
    if days is None:
        return Days(day, day)
    back = days.last - day
    if back < 0:
        latest = (days.latest << min(-back, _SPAN) | 1) & ((1 << _SPAN) - 1)
        return Days(days.first, day, days.count + 1, latest)
    known = day == days.first or (back < _SPAN and bool(days.latest >> back & 1))
    latest = days.latest | (1 << back if back < _SPAN else 0)
    return Days(min(day, days.first), days.last, days.count + (not known), latest)
