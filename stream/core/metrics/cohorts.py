"""Customers who answer surveys and the others; how many there were, are and stayed."""

from collections.abc import Sequence
from typing import NamedTuple

from stream.core.model.aggregate import VectorsByLabels
from stream.core.model.aggregates.customers import OTHER, RESPONDER, CustomersLayout, PeriodsLayout

COHORTS = {"all": (RESPONDER, OTHER), RESPONDER: (RESPONDER,), OTHER: (OTHER,)}
"""Shown cohort to those that it adds up; membership is the present one."""


class Population(NamedTuple):
    """Customers at the two ends of a window."""

    opening: int
    """S: active just before its start."""
    retained: int
    """Of these, active ever since."""
    active: int
    """E: active now."""

    @property
    def lost(self) -> int:
        """Of the opening ones, those who churned, whether or not they came back."""
        return self.opening - self.retained


def population(
    customers: VectorsByLabels, lives: VectorsByLabels, cohorts: Sequence[str] = COHORTS["all"]
) -> Population:
    """From the running total and what began and ended since a window's start, without an upper end.

    What is ahead of the clock (5 minutes at most) is in all of them, so it cancels in S; who leaves or comes then
    counts as lost or active as soon as it is known.
    """
    active = total(customers, CustomersLayout.ACTIVE, cohorts)
    starts = total(lives, PeriodsLayout.STARTS, cohorts)
    ends = total(lives, PeriodsLayout.ENDS, cohorts)
    present = total(lives, PeriodsLayout.PRESENT, cohorts)
    return Population(active - starts + ends, active - present, active)


def total(cells: VectorsByLabels, component: int, cohorts: Sequence[str] = COHORTS["all"]) -> int:
    """Sum of a component over cohorts."""
    return sum(cells.get((cohort,), {}).get(component, 0) for cohort in cohorts)
