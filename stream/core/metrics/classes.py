"""Sums by class of a customer, `none` included, which is not stored: it is the rest of all customers."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stream.core.metrics.cohorts import total
from stream.core.metrics.metric import FlowContext, ReadContext
from stream.core.model.aggregate import VectorsByLabels
from stream.core.model.aggregates.customers import (
    CHURNED,
    CUSTOMERS,
    PERIODS,
    CustomersLayout,
    MoneyLayout,
    PeriodsLayout,
)
from stream.core.model.aggregates.joined import (
    CLASS_CHURNED,
    CLASS_CUSTOMERS,
    CLASS_LEAVES,
    CLASSES,
    NO_CLASS,
    ClassChurnedLayout,
    ClassCustomersLayout,
    ClassLeavesLayout,
)
from stream.core.model.money import join


class OfClass(NamedTuple):
    """A count of a class of customers in a survey."""

    survey: str
    name: str
    n: int


def with_rest(counts: Mapping[str, int], whole: int) -> Iterator[OfClass]:
    """Yield the counts of all classes of each survey. Those of a survey add up to `whole`."""
    for survey, names in CLASSES.items():
        for name in names:
            yield OfClass(survey, name, counts.get(name, 0))
        yield OfClass(survey, NO_CLASS, whole - sum(counts.get(name, 0) for name in names))


def active(context: ReadContext) -> Iterator[OfClass]:
    """Yield the customers active now by present class."""
    counts = _counts(context.stock(CLASS_CUSTOMERS), ClassCustomersLayout.ACTIVE)
    yield from with_rest(counts, total(context.stock(CUSTOMERS), CustomersLayout.ACTIVE))


def churned(context: FlowContext) -> Iterator[OfClass]:
    """Yield the churns of the window by class at the churn."""
    counts = _counts(context.flow(CLASS_CHURNED), ClassChurnedLayout.CHURNS)
    yield from with_rest(counts, sum(sum(vector.values()) for vector in context.flow(CHURNED).values()))


def exposed(context: ReadContext) -> Iterator[OfClass]:
    """Yield the customers who were active in a class at any time of the window, each entry counted.

    Those are the customers who are in it now, and those who left it since the window's start. As many were in it just
    before the start or entered it since. The window has no upper end, as in `cohorts.population`.
    """
    leaves = context.flow(CLASS_LEAVES)
    ends = _counts(leaves, ClassLeavesLayout.ENDS)
    changes = _counts(leaves, ClassLeavesLayout.CHANGES)
    from_none = _counts(leaves, ClassLeavesLayout.FROM_NONE)
    all_ends = total(context.flow(PERIODS), PeriodsLayout.ENDS)
    ended = {(survey, name): n for survey, name, n in with_rest(ends, all_ends)}
    for survey, name, present in active(context):
        moved = changes.get(name, 0)
        if name == NO_CLASS:
            moved = sum(from_none.get(entered, 0) for entered in CLASSES[survey])
        yield OfClass(survey, name, present + ended[survey, name] + moved)


def _counts(cells: VectorsByLabels, component: int) -> dict[str, int]:
    return {name: vector.get(component, 0) for (name,), vector in cells.items()}


def amounts(
    by_class: VectorsByLabels, of_all: VectorsByLabels, component: int
) -> Iterator[tuple[str, list[OfClass]]]:
    """Yield each currency in which anything was counted, with the sums of a pair of components by class.

    `of_all` are the sums of all customers, by cohort and currency.
    """
    whole: dict[str, int] = {}
    for (_, currency), vector in sorted(of_all.items()):
        if vector.get(MoneyLayout.COUNT, 0):
            whole[currency] = whole.get(currency, 0) + join(vector, component)
    for currency, amount in whole.items():
        counts = {name: join(vector, component) for (name, of), vector in by_class.items() if of == currency}
        yield currency, list(with_rest(counts, amount))
