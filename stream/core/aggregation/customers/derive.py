"""Contributions of a customer, as a pure function of the entity."""

from collections.abc import Iterator
from typing import NamedTuple

from stream.core.aggregation.customers.attributes import present_attributes
from stream.core.aggregation.customers.entity import (
    LIFECYCLE,
    Activated,
    Customer,
    Rollup,
    configured_margin,
)
from stream.core.aggregation.customers.joined import past_lives, present_classes
from stream.core.aggregation.customers.life_facts import archived_cell, joins_of
from stream.core.aggregation.customers.lifecycle import Lifecycle, replay
from stream.core.aggregation.customers.referrals import IN_FORCE, latest_in_force
from stream.core.aggregation.customers.revenue import revenue, value_vector
from stream.core.aggregation.entity_store import project_dimensions
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.customers import (
    CHURN_IGNORED,
    CHURNED,
    CUSTOMERS,
    LEAVING,
    OTHER,
    PERIODS,
    REFERRALS,
    REFERRERS,
    RESPONDER,
    TO_DATE,
    ChurnedLayout,
    ChurnIgnoredLayout,
    CustomersLayout,
    LeavingLayout,
    MoneyLayout,
    PeriodsLayout,
    ReferrersLayout,
)
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

_NO_CUSTOMER = Customer()


class CustomerContributions(NamedTuple):
    """Contributions of the present life, which an erasure retracts, and of the past, which stay."""

    present: list[Contribution]
    past: list[Contribution]


def refresh_attributes(customer: Customer, config: AggregationConfig) -> None:
    """Set dimensions and margin to the present ones, as far as the config uses them."""
    values, margin = present_attributes(customer.life_events)
    customer.projected_values = project_dimensions(values, config)
    customer.margin = configured_margin(config) if margin is None else margin


def derive(customer: Customer, other: Customer = _NO_CUSTOMER) -> CustomerContributions:
    """Return all contributions except roll-up entries that `other` contributes as well.

    `other` is the same customer before or after an event. An event changes a few of up to a thousand buckets, unless it
    changes dimensions, margin or cohort: then everything moves. A stock is kept for ever. Panes hold nothing before
    `retention_start`.
    """
    lives, joins = replay(customer.life_events), joins_of(customer)
    if other is not _NO_CUSTOMER and (
        _attributes(other) != _attributes(customer) or _was_activated(other) != bool(lives.starts)
    ):
        other = _NO_CUSTOMER
    cohort = RESPONDER if customer.responder else OTHER
    values = customer.projected_values
    if not lives.starts:  # updates of somebody who was never activated are for their money only
        values = (None,) * len(values)
    derived = CustomerContributions([], _past(customer, lives, values, cohort))
    if lives.active:
        derived.present.extend(_present(customer, lives, cohort))
        derived.present.extend(present_classes(customer, lives, joins))
    derived.past.extend(past_lives(customer, lives, joins))
    if customer.archived_periods:
        derived.past.extend(_archived(customer, other, cohort))
    if customer.archived_facts:
        derived.past.extend(_archived_facts(customer, other))
    if customer.ignored_churns:
        derived.past.extend(_archived_ignored(customer, other, values))
    if customer.accounts:
        derived.past.extend(revenue(customer, other, joins, cohort))
    if customer.referrals:
        derived.past.extend(_referrals(customer, other, values))
    return derived


def _attributes(customer: Customer) -> tuple[DimensionValues, int, bool]:
    return customer.projected_values, customer.margin, customer.responder


def _was_activated(customer: Customer) -> bool:
    return any(isinstance(event, Activated) for event in customer.life_events)


def _present(customer: Customer, lives: Lifecycle, cohort: str) -> list[Contribution]:
    values, own_labels = customer.projected_values, (cohort,)
    vector = (
        {CustomersLayout.ACTIVE: 1, CustomersLayout.SCHEDULED: 1}
        if lives.cancel_scheduled
        else {CustomersLayout.ACTIVE: 1}
    )
    derived = [Contribution(CUSTOMERS.name, values, own_labels, 0, vector)]
    start = lives.starts[-1].time
    if (minute := start // MINUTE) >= customer.retention_start:
        derived.append(
            Contribution(
                PERIODS.name, values, own_labels, minute, {PeriodsLayout.STARTS: 1, PeriodsLayout.PRESENT: 1}
            )
        )
    derived += _leaving(customer, lives, len(lives.ends))
    for currency, account in customer.accounts.items():
        vector = {MoneyLayout.COUNT: 1, **value_vector(customer, account.total)}
        derived.append(Contribution(TO_DATE.name, values, (cohort, currency), 0, vector))
    return derived


def _past(customer: Customer, lives: Lifecycle, values: DimensionValues, cohort: str) -> list[Contribution]:
    own_labels = (cohort,)
    derived: list[Contribution] = []
    derived.extend(
        Contribution(CHURN_IGNORED.name, values, (), minute, {ChurnIgnoredLayout.CHURNS: 1})
        for churn in lives.ignored_churns
        if (minute := churn.time // MINUTE) >= customer.retention_start
    )
    for life, (start, end) in enumerate(zip(lives.starts, lives.ends, strict=False)):
        if (minute := start.time // MINUTE) >= customer.retention_start:
            derived.append(Contribution(PERIODS.name, values, own_labels, minute, {PeriodsLayout.STARTS: 1}))
        if (minute := end.time // MINUTE) >= customer.retention_start:
            will = ChurnedLayout.VOLUNTARY if end.voluntary else ChurnedLayout.INVOLUNTARY
            derived.append(Contribution(PERIODS.name, values, own_labels, minute, {PeriodsLayout.ENDS: 1}))
            derived.append(Contribution(CHURNED.name, values, (end.reason,), minute, {will: 1}))
        derived += _leaving(customer, lives, life)
    return derived


def _leaving(customer: Customer, lives: Lifecycle, life: int) -> Iterator[Contribution]:
    """Yield the decision to leave in a life, by its number, if there was one in the retention."""
    decided = lives.decision(life)
    if decided is not None and (minute := decided // MINUTE) >= customer.retention_start:
        yield Contribution(LEAVING.name, customer.projected_values, (), minute, {LeavingLayout.CUSTOMERS: 1})


def _archived(customer: Customer, other: Customer, cohort: str) -> Iterator[Contribution]:
    for name, entries in customer.archived_periods.items():
        known = other.archived_periods.get(name, {})
        aggregate, own_labels = (PERIODS.name, cohort) if name == LIFECYCLE else (CHURNED.name, name)
        for minute, vector in entries.items():
            if known.get(minute) != vector:
                yield Contribution(aggregate, customer.projected_values, (own_labels,), minute, vector)


def _archived_ignored(customer: Customer, other: Customer, values: DimensionValues) -> Iterator[Contribution]:
    for minute, vector in customer.ignored_churns.items():
        if other.ignored_churns.get(minute) != vector:
            yield Contribution(CHURN_IGNORED.name, values, (), minute, vector)


def _archived_facts(customer: Customer, other: Customer) -> Iterator[Contribution]:
    for key, entries in customer.archived_facts.items():
        known, (aggregate, own_labels) = other.archived_facts.get(key, {}), archived_cell(key)
        for minute, vector in entries.items():
            if known.get(minute) != vector:
                yield Contribution(aggregate, customer.projected_values, own_labels, minute, vector)


def _referrals(customer: Customer, other: Customer, values: DimensionValues) -> Iterator[Contribution]:
    for minute, vector in customer.referrals.items():
        if other.referrals.get(minute) != vector:
            counts = {component: n for component, n in vector.items() if component != IN_FORCE}
            yield Contribution(REFERRALS.name, values, (), minute, counts)
    latest = latest_in_force(customer.referrals)
    if latest is not None:
        yield Contribution(REFERRERS.name, values, (), latest, {ReferrersLayout.CUSTOMERS: 1})


def rollups(customer: Customer) -> Iterator[Rollup]:
    """Yield the roll-ups of the customer, which are downsampled with age."""
    yield customer.referrals
    yield customer.ignored_churns
    yield from customer.archived_periods.values()
    yield from customer.archived_facts.values()
    for account in customer.accounts.values():
        yield from account.archived.values()
