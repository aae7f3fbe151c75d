"""What a customer contributes, a pure function of the facts."""

from collections.abc import Iterator
from typing import NamedTuple

from stream.core.book import project
from stream.core.buckets import MINUTE
from stream.core.customers.facts import LIVES, Account, Customer, Ledger, margin_in_force
from stream.core.customers.lives import Lives, latest_activation, walk
from stream.core.customers.referrals import STANDING, latest_standing
from stream.core.metrics.churn import INVOLUNTARY, VOLUNTARY
from stream.core.metrics.clv import COUNT, NET, VALUE
from stream.core.metrics.cohorts import ACTIVE, ENDS, IGNORED, OTHER, PRESENT, RESPONDER, SCHEDULED, STARTS
from stream.core.money import joined, split
from stream.core.rules import Rules, Values
from stream.core.tally import Contribution

_NOTHING, _EMPTY = Customer(), Account()


class Made(NamedTuple):
    """Contributions: of the present life, which end with the person's data, and of what is over."""

    present: list[Contribution]
    past: list[Contribution]


def face(customer: Customer, rules: Rules) -> None:
    """Set how the customer is contributed under these rules: dimensions and margin of the last activation."""
    last = latest_activation(customer.log)
    customer.shown = project(last.values if last else (), rules)
    own = last.margin if last else None
    customer.margin = margin_in_force(rules) if own is None else own


def derive(customer: Customer, other: Customer = _NOTHING) -> Made:
    """All contributions, but for what the ledgers of `other`, contributed alike, hold as well.

    A stock holds for ever, panes only what is not before the customer's `floor`. A change of dimensions, margin or
    cohort moves everything; any other event no more than a few of what may be a thousand buckets.
    """
    if other is not _NOTHING and _face(other) != _face(customer):
        other = _NOTHING
    cohort = RESPONDER if customer.responder else OTHER
    lives = walk(customer.log)
    made = Made([], _past(customer, lives, cohort))
    if lives.active:
        made.present.extend(_present(customer, lives, cohort))
    if customer.former:
        made.past.extend(_former(customer, other, cohort))
    if customer.accounts:
        made.past.extend(_revenue(customer, other, cohort))
    if customer.referrals:
        made.past.extend(_referrals(customer, other))
    return made


def _face(customer: Customer) -> tuple[Values, int, bool]:
    return customer.shown, customer.margin, customer.responder


def _present(customer: Customer, lives: Lives, cohort: str) -> list[Contribution]:
    shown, own = customer.shown, (cohort,)
    vector = {ACTIVE: 1, SCHEDULED: 1} if lives.scheduled else {ACTIVE: 1}
    made = [Contribution("customers", shown, own, 0, vector)]
    if (minute := lives.starts[-1].time // MINUTE) >= customer.floor:
        made.append(Contribution("lives", shown, own, minute, {STARTS: 1, PRESENT: 1}))
    for currency, account in customer.accounts.items():
        vector = {COUNT: 1, **split(joined(account.total, NET) * customer.margin, VALUE)}
        made.append(Contribution("clv", shown, (cohort, currency), 0, vector))
    return made


def _past(customer: Customer, lives: Lives, cohort: str) -> list[Contribution]:
    shown, own, made = customer.shown, (cohort,), []
    if ignored := customer.ignored + lives.ignored:
        made.append(Contribution("customers", shown, own, 0, {IGNORED: ignored}))
    for start, end in zip(lives.starts, lives.ends, strict=False):
        if (minute := start.time // MINUTE) >= customer.floor:
            made.append(Contribution("lives", shown, own, minute, {STARTS: 1}))
        if (minute := end.time // MINUTE) >= customer.floor:
            will = VOLUNTARY if end.voluntary else INVOLUNTARY
            made.append(Contribution("lives", shown, own, minute, {ENDS: 1}))
            made.append(Contribution("churned", shown, (end.reason,), minute, {will: 1}))
    return made


def _former(customer: Customer, other: Customer, cohort: str) -> Iterator[Contribution]:
    for name, entries in customer.former.items():
        known = other.former.get(name, {})
        tally, extra = ("lives", cohort) if name == LIVES else ("churned", name)
        for minute, vector in entries.items():
            if known.get(minute) != vector:
                yield Contribution(tally, customer.shown, (extra,), minute, vector)


def _revenue(customer: Customer, other: Customer, cohort: str) -> Iterator[Contribution]:
    for currency, account in customer.accounts.items():
        known = other.accounts.get(currency, _EMPTY).recent
        for minute, vector in account.recent.items():
            if known.get(minute) != vector:
                value = split(joined(vector, NET) * customer.margin, VALUE)
                yield Contribution("revenue", customer.shown, (cohort, currency), minute, vector | value)


def _referrals(customer: Customer, other: Customer) -> Iterator[Contribution]:
    for minute, vector in customer.referrals.items():
        if other.referrals.get(minute) != vector:
            counts = {component: n for component, n in vector.items() if component != STANDING}
            yield Contribution("referrals", customer.shown, (), minute, counts)
    latest = latest_standing(customer.referrals)
    if latest is not None:
        yield Contribution("referrers", customer.shown, (), latest, {0: 1})


def ledgers(customer: Customer) -> Iterator[Ledger]:
    """Everything of the customer that grows coarser with age."""
    yield customer.referrals
    yield from customer.former.values()
    for account in customer.accounts.values():
        yield account.recent
