"""Aggregates of `cx.customers`."""

from stream.core.model.aggregate import Aggregate, AggregateName, Layout

RESPONDER, OTHER = "responder", "other"
"""Cohorts: customers who answered a survey, by present membership, and the others."""
UNKNOWN = "unknown"
"""The reason of a churn that names none."""


class CustomersLayout(Layout):
    """Active customers, those of them who gave notice, and churns that changed nothing."""

    ACTIVE, SCHEDULED, IGNORED = range(3)


class PeriodsLayout(Layout):
    """Lives that began, that ended, and that began and go on (at their start)."""

    STARTS, ENDS, PRESENT = range(3)


class ChurnedLayout(Layout):
    """Churns that ended a life, by whether the customer wanted to."""

    INVOLUNTARY, VOLUNTARY = range(2)


class MoneyLayout(Layout):
    """How many purchases and refunds (or customers), minor units, and 1/10,000 minor units of margin."""

    COUNT, NET, VALUE = 0, 1, 3
    pairs = (NET, VALUE)


class ReferralsLayout(Layout):
    """Referrals by state."""

    SENT, CONVERTED, REVERSED = range(3)


class ReferrersLayout(Layout):
    """Customers."""

    CUSTOMERS = 0


CUSTOMERS = Aggregate(AggregateName("customers"), CustomersLayout, "stock", long_retention=True)
"""By cohort."""
PERIODS = Aggregate(AggregateName("lives"), PeriodsLayout, "open_flow", long_retention=True)
"""By cohort."""
CHURNED = Aggregate(AggregateName("churned"), ChurnedLayout, long_retention=True, event_components=(0, 1))
"""By reason."""
REVENUE = Aggregate(
    AggregateName("revenue"), MoneyLayout, long_retention=True, event_components=(MoneyLayout.COUNT,)
)
"""By cohort and currency: purchases less refunds, of everyone."""
TO_DATE = Aggregate(AggregateName("clv"), MoneyLayout, "stock", long_retention=True)
"""By cohort and currency: of active customers with money in it, all of their revenue times margin."""
REFERRALS = Aggregate(
    AggregateName("referrals"), ReferralsLayout, long_retention=True, event_components=(0, 1, 2)
)
"""Referrals by state, each at its own time."""
REFERRERS = Aggregate(AggregateName("referrers"), ReferrersLayout, "open_flow", long_retention=True)
"""Customers, each at the latest of their conversions that were not reversed.

Windows end at the present, so that whoever converted in one has the latest conversion in it: each counts once.
A conversion ahead of the clock (5 minutes at most) counts as soon as it is known and hides no earlier one."""
ALL = (CUSTOMERS, PERIODS, CHURNED, REVENUE, TO_DATE, REFERRALS, REFERRERS)
