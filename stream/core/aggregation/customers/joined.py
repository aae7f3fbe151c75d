"""Contributions of a customer that depend on answers, and the change of them by an answer."""

from collections.abc import Iterable, Iterator
from copy import copy

from schemas.feedback import AnswerSummarized
from stream.core.aggregation.customers import answer_records
from stream.core.aggregation.customers.answers import NAMES
from stream.core.aggregation.customers.entity import Customer, pack
from stream.core.aggregation.customers.life_facts import NO_JOINS, Fact, Joins, joins_of
from stream.core.aggregation.customers.lifecycle import Lifecycle, replay
from stream.core.aggregation.customers.revenue import of_classes, value_vector
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.customers import MoneyLayout
from stream.core.model.aggregates.joined import CLASS_CUSTOMERS, CLASS_TO_DATE, ClassCustomersLayout
from stream.core.model.time_buckets import MINUTE


def present_classes(customer: Customer, lives: Lifecycle, joins: Joins) -> Iterator[Contribution]:
    """Yield what the present life adds: changes of classes, and the stocks of the present classes."""
    if not lives.active or not joins.classes:
        return
    yield from _of_facts(customer, joins.facts(lives.starts[-1].time, None))
    for history in joins.classes:
        if (present := history.present) is None:
            continue
        values, name = customer.projected_values, NAMES[present]
        yield Contribution(CLASS_CUSTOMERS.name, values, (name,), 0, {ClassCustomersLayout.ACTIVE: 1})
        for currency, account in customer.accounts.items():
            vector = {MoneyLayout.COUNT: 1, **value_vector(customer, account.total)}
            yield Contribution(CLASS_TO_DATE.name, values, (name, currency), 0, vector)


def past_lives(customer: Customer, lives: Lifecycle, joins: Joins) -> Iterator[Contribution]:
    """Yield what finished lives add."""
    if joins is not NO_JOINS:
        for start, end in zip(lives.starts, lives.ends, strict=False):
            yield from _of_facts(customer, joins.facts(start.time, end.time))


def _of_facts(customer: Customer, facts: Iterable[Fact]) -> Iterator[Contribution]:
    """Yield the contributions of facts in the retention."""
    for aggregate, own_labels, time, component in facts:
        if (minute := time // MINUTE) >= customer.retention_start:
            yield Contribution(aggregate, customer.projected_values, own_labels, minute, {component: 1})


def change(store: EntityStore, key: bytes, before: Customer, data: AnswerSummarized) -> None:
    """Change a customer by an answer, and the deltas by the difference of what depends on answers.

    Time does not go on: derived records do not move the watermark.
    """
    after = copy(before)  # lists of answers are replaced, nothing else changes
    answer_records.process(store, after, data)
    if before.life_events or before.accounts:  # nothing else is joined with answers
        _apply_joins(store, before, after)
    if after != before:
        store.put(key, pack(after), None)


def _apply_joins(store: EntityStore, before: Customer, after: Customer) -> None:
    """Add to the deltas the difference that a customer's answers make to lives and purchases."""
    joins_before, joins_after = joins_of(before), joins_of(after)
    if joins_before == joins_after:  # another answer of the same class changes no figure
        return
    lives = replay(before.life_events)
    for derived in (present_classes, past_lives, _purchases):
        old, new = list(derived(before, lives, joins_before)), list(derived(after, lives, joins_after))
        if old != new:
            store.apply_difference(old, new)


def _purchases(customer: Customer, _: Lifecycle, joins: Joins) -> Iterator[Contribution]:
    for currency, account in customer.accounts.items():
        for time, amount in account.purchases:
            yield from of_classes(customer, joins, currency, time, amount)
