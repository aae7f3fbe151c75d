"""Purchases and refunds: each is counted once and added up by customer and currency."""

from bisect import bisect_left, insort

from schemas.customers import PurchaseCompleted, PurchaseRefunded
from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.entity import (
    ORDER,
    REFUND,
    Account,
    Customer,
    PurchaseDays,
    child_key,
    pack,
    unpack_watermark,
)
from stream.core.aggregation.customers.life_facts import joins_of
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Vector, add
from stream.core.model.aggregates.customers import MoneyLayout
from stream.core.model.money import split
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import DAY, MINUTE

_DAY_BITS = 64
MAX_PURCHASES = 100
"""Purchases and refunds in one currency that are kept one by one."""


def complete_purchase(
    store: EntityStore, customer: Customer, data: PurchaseCompleted, event_time: int
) -> Outcome:
    """Add a purchase. Order IDs are unique per customer."""
    if not _remember_order(store, child_key(ORDER, data.customer_id, data.order_id)):
        return "duplicate"
    customer.purchase_days = add_purchase_day(customer.purchase_days, event_time // DAY)
    _add_amount(customer, data.currency, data.amount_minor, event_time)
    return "accepted"


def refund_purchase(
    store: EntityStore, customer: Customer, data: PurchaseRefunded, event_time: int
) -> Outcome:
    """Add a refund at its own time, also of an unknown order."""
    if not _remember_order(store, child_key(REFUND, data.customer_id, data.refund_id)):
        return "duplicate"
    _add_amount(customer, data.currency, -data.amount_minor, event_time)
    return "accepted"


def _remember_order(store: EntityStore, key: bytes) -> bool:
    """Return whether the key is new or forgotten, and store it."""
    raw, retention = store.entities.get(key), store.config.entity_retention
    if raw is not None and unpack_watermark(raw) + retention > store.watermark:
        return False
    store.put(key, pack(store.watermark), store.watermark + retention)
    return True


def _add_amount(customer: Customer, currency: str, amount: int, event_time: int) -> None:
    account = customer.accounts.get(currency)
    if account is None:
        account = customer.accounts[currency] = Account()
    add(account.total, amount_vector(amount))
    insort(account.purchases, (event_time, amount))
    if len(account.purchases) > MAX_PURCHASES:
        _archive_oldest(customer, account)


def amount_vector(amount: int) -> Vector:
    """Return the vector of a purchase or refund, in minor units."""
    return {MoneyLayout.COUNT: 1, **split(amount, MoneyLayout.NET)}


def _archive_oldest(customer: Customer, account: Account) -> None:
    """Add the oldest purchase to the sums of its bucket, under the classes at its time, which are final then."""
    time, amount = account.purchases.pop(0)
    into = account.archived.setdefault(joins_of(customer).classes_at(time), {})
    rollup.add_vector(
        into, time // MINUTE, amount_vector(amount), customer.newest_minute, customer.retention_start
    )


def forget_old(account: Account, retention_start: int) -> None:
    """Drop the purchases before the retention, which starts at a minute."""
    start = bisect_left(account.purchases, (retention_start * MINUTE,))
    if start:
        del account.purchases[:start]


def add_purchase_day(days: PurchaseDays | None, day: int) -> PurchaseDays:
    """Return the purchase days with one more purchase. `days` None: it is the first."""
    if days is None:
        return PurchaseDays(day, day)
    back = days.last - day
    if back < 0:
        latest = (days.latest << min(-back, _DAY_BITS) | 1) & ((1 << _DAY_BITS) - 1)
        return PurchaseDays(days.first, day, days.count + 1, latest)
    known = day == days.first or (back < _DAY_BITS and bool(days.latest >> back & 1))
    latest = days.latest | (1 << back if back < _DAY_BITS else 0)
    return PurchaseDays(min(day, days.first), days.last, days.count + (not known), latest)
