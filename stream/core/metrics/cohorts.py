"""Cohorts of customers (survey responders and others), and their number at the ends of a window."""

from collections.abc import Sequence
from typing import NamedTuple

from stream.core.model.aggregate import VectorsByLabels
from stream.core.model.aggregates.customers import OTHER, RESPONDER, CustomersLayout, PeriodsLayout

COHORTS = {"all": (RESPONDER, OTHER), RESPONDER: (RESPONDER,), OTHER: (OTHER,)}
"""The cohorts of the series, each with the stored cohorts that it adds up. Membership is the present one."""


class Population(NamedTuple):
    """Customers at the two ends of a window."""

    opening: int
    """Customers active just before the window's start (S)."""
    retained: int
    """Customers of `opening` who have been active ever since."""
    active: int
    """Customers active now (E)."""

    @property
    def lost(self) -> int:
        """Customers of `opening` who churned in the window, whether or not they returned."""
        return self.opening - self.retained


def population(
    customers: VectorsByLabels, lives: VectorsByLabels, cohorts: Sequence[str] = COHORTS["all"]
) -> Population:
    """Return the population of a window, from running totals and the lives that began and ended since its start.

    The window has no upper end. Events ahead of the clock (5 minutes at most) are in all of these sums and cancel in
    `opening`. A churn or an activation ahead of the clock counts as soon as it is known.
    """
    active = total(customers, CustomersLayout.ACTIVE, cohorts)
    starts = total(lives, PeriodsLayout.STARTS, cohorts)
    ends = total(lives, PeriodsLayout.ENDS, cohorts)
    present = total(lives, PeriodsLayout.PRESENT, cohorts)
    return Population(active - starts + ends, active - present, active)


def total(cells: VectorsByLabels, component: int, cohorts: Sequence[str] = COHORTS["all"]) -> int:
    """Return the sum of a component over cohorts."""
    return sum(cells.get((cohort,), {}).get(component, 0) for cohort in cohorts)
