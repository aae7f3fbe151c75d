"""Aggregates of `cx.customers`."""

from stream.core.model.aggregate import Aggregate, AggregateName, Layout
from stream.core.model.time_buckets import DAY

WEEK = 7 * DAY
"""Time after a solve within which a reopening or another ticket is a repeat contact, in ms."""

RESPONDER, OTHER = "responder", "other"
"""Cohorts: customers who answered a survey, by present membership, and the others."""
UNKNOWN = "unknown"
"""The reason of a churn without a reason code."""


class FcrLayout(Layout):
    """Tickets by the result of their first solve by people."""

    FIRST_CONTACT, OTHER = range(2)


class CustomersLayout(Layout):
    """Active customers, and active customers who gave notice."""

    ACTIVE, SCHEDULED = range(2)


class ChurnIgnoredLayout(Layout):
    """Churns of customers who were not active."""

    CHURNS = 0


class PeriodsLayout(Layout):
    """Subscription periods by start and by end, and periods that still last, by start."""

    STARTS, ENDS, PRESENT = range(3)


class ChurnedLayout(Layout):
    """Churns that ended a period, by whether they were voluntary."""

    INVOLUNTARY, VOLUNTARY = range(2)


class LeavingLayout(Layout):
    """Customers who decided to leave: notices that stand, and wanted churns without one."""

    CUSTOMERS = 0


class MoneyLayout(Layout):
    """Number of purchases and refunds (or of customers), net amount in minor units, margin in 1/10,000 of them."""

    COUNT, NET, VALUE = 0, 1, 3
    pairs = (NET, VALUE)


class ReferralsLayout(Layout):
    """Referrals by state."""

    SENT, CONVERTED, REVERSED = range(3)


class ReferrersLayout(Layout):
    """Customers."""

    CUSTOMERS = 0


FCR = Aggregate(AggregateName("fcr"), FcrLayout, lagged=True, entities_kept="closed", event_components=(0, 1))
"""Derived from the summaries of tickets, at the first solve by people, with the ticket's dimensions then."""
CUSTOMERS = Aggregate(AggregateName("customers"), CustomersLayout, "stock", entities_kept="always")
"""By cohort."""
PERIODS = Aggregate(AggregateName("lives"), PeriodsLayout, "open_flow", entities_kept="always")
"""By cohort."""
CHURNED = Aggregate(AggregateName("churned"), ChurnedLayout, entities_kept="always", event_components=(0, 1))
"""By reason."""
CHURN_IGNORED = Aggregate(AggregateName("churn_ignored"), ChurnIgnoredLayout, entities_kept="always")
LEAVING = Aggregate(AggregateName("leaving"), LeavingLayout, entities_kept="always", event_components=())
"""At most one of a life: at the notice that stands, else at the churn if it is voluntary.

It counts no events for the ranking of label values, because churns are counted by `CHURNED`."""
REVENUE = Aggregate(
    AggregateName("revenue"), MoneyLayout, entities_kept="always", event_components=(MoneyLayout.COUNT,)
)
"""By cohort and currency: purchases less refunds of all customers, active or not."""
TO_DATE = Aggregate(AggregateName("clv"), MoneyLayout, "stock", entities_kept="always")
"""By cohort and currency: revenue to date times margin, of active customers with revenue in that currency."""
REFERRALS = Aggregate(
    AggregateName("referrals"), ReferralsLayout, entities_kept="always", event_components=(0, 1, 2)
)
"""Referrals by state, each at its own time."""
REFERRERS = Aggregate(AggregateName("referrers"), ReferrersLayout, "open_flow", entities_kept="always")
"""Customers, each at the latest of their conversions that were not reversed.

Windows end at the present. A customer with a conversion in a window therefore has the latest one in it, and counts
once. A conversion ahead of the clock (5 minutes at most) counts as soon as it is known and hides no earlier one."""
ALL = (FCR, CUSTOMERS, PERIODS, CHURNED, CHURN_IGNORED, LEAVING, REVENUE, TO_DATE, REFERRALS, REFERRERS)
