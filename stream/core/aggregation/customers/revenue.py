"""Contributions of a customer's purchases and refunds, by cohort and by class."""

from collections import Counter
from collections.abc import Iterator

from stream.core.aggregation.customers.entity import Account, Customer
from stream.core.aggregation.customers.life_facts import Joins, classes_of
from stream.core.aggregation.customers.orders import amount_vector
from stream.core.model.aggregate import Contribution, Vector
from stream.core.model.aggregates.customers import REVENUE, MoneyLayout
from stream.core.model.aggregates.joined import CLASS_REVENUE
from stream.core.model.money import join, split
from stream.core.model.time_buckets import MINUTE

_NO_ACCOUNT = Account()
Purchase = tuple[int, int]
"""Time in ms and net amount in minor units."""


def revenue(customer: Customer, other: Customer, joins: Joins, cohort: str) -> Iterator[Contribution]:
    """Yield the contributions, without those that `other` has as well: the same customer before or after an event.

    `other` has the same cohort, margin, dimensions and answers, or no purchases.
    """
    for currency, account in customer.accounts.items():
        known = other.accounts.get(currency, _NO_ACCOUNT)
        for time, amount in _without(account.purchases, known.purchases):
            yield _by_cohort(customer, (cohort, currency), time // MINUTE, amount_vector(amount))
            if joins.classes:
                yield from of_classes(customer, joins, currency, time, amount)
        for classes, entries in account.archived.items():
            known_entries = known.archived.get(classes, {})
            for minute, vector in entries.items():
                if known_entries.get(minute) != vector:
                    yield _by_cohort(customer, (cohort, currency), minute, vector)
                    yield from _by_class(customer, currency, minute, vector, classes)


def of_classes(
    customer: Customer, joins: Joins, currency: str, time: int, amount: int
) -> Iterator[Contribution]:
    """Yield what a purchase or refund at a time (ms) adds to the classes then."""
    yield from _by_class(customer, currency, time // MINUTE, amount_vector(amount), joins.classes_at(time))


def _without(purchases: list[Purchase], known: list[Purchase]) -> list[Purchase]:
    """Return the purchases that are not known, each as often as it occurs more often."""
    if not known:
        return purchases
    if purchases == known:
        return []
    return list((Counter(purchases) - Counter(known)).elements())


def value_vector(customer: Customer, vector: Vector) -> Vector:
    """Return revenue times margin of a vector with net revenue."""
    return split(join(vector, MoneyLayout.NET) * customer.margin, MoneyLayout.VALUE)


def _by_cohort(customer: Customer, own_labels: tuple[str, str], minute: int, vector: Vector) -> Contribution:
    vector = vector | value_vector(customer, vector)
    return Contribution(REVENUE.name, customer.projected_values, own_labels, minute, vector)


def _by_class(
    customer: Customer, currency: str, minute: int, vector: Vector, classes: int
) -> Iterator[Contribution]:
    for name in classes_of(classes):
        yield Contribution(CLASS_REVENUE.name, customer.projected_values, (name, currency), minute, vector)
