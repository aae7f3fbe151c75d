"""Aggregates of `cx.customers` that join answers with customers, money and tickets.

Classes of customers are stored without `none`, the class of those without an answer: it is the rest of all customers, so
that customers who answer nothing cost nothing here.
"""

from stream.core.model.aggregate import Aggregate, AggregateName, Layout
from stream.core.model.aggregates.customers import MoneyLayout
from stream.core.model.time_buckets import DAY

CLASSES: dict[str, tuple[str, ...]] = {
    "nps": ("promoter", "passive", "detractor"),
    "csat": ("satisfied", "dissatisfied"),
}
"""The classes of answers by survey."""
NO_CLASS = "none"
"""The class of a customer without an answer that counts."""
EXIT_BEFORE, EXIT_AFTER = 30 * DAY, 7 * DAY
"""Time in ms before and after a churn within which an exit answer belongs to it, both ends inside."""
FATES = ("in_time", "late", "none")
"""Whether the first response of a ticket was within its target; none without a response."""


class ClassCustomersLayout(Layout):
    """Active customers."""

    ACTIVE = 0


class ClassLeavesLayout(Layout):
    """Customers who left a class while active: at the end of a life, or for another class. Those who came from none."""

    ENDS, CHANGES, FROM_NONE = range(3)


class ClassChurnedLayout(Layout):
    """Churns."""

    CHURNS = 0


class ChurnExitLayout(Layout):
    """Churns with an exit answer."""

    CHURNS = 0


class TicketCsatLayout(Layout):
    """Answers to CSAT about a ticket."""

    SATISFIED, DISSATISFIED = range(2)


CLASS_CUSTOMERS = Aggregate(
    AggregateName("class_customers"), ClassCustomersLayout, "stock", entities_kept="always"
)
"""By present class."""
CLASS_LEAVES = Aggregate(
    AggregateName("class_leaves"), ClassLeavesLayout, "open_flow", entities_kept="always"
)
"""By class. Whoever was in a class during a window is in it now or has left it since the window's start."""
CLASS_CHURNED = Aggregate(AggregateName("class_churned"), ClassChurnedLayout, entities_kept="always")
"""By class at the churn."""
CLASS_REVENUE = Aggregate(
    AggregateName("class_revenue"), MoneyLayout, entities_kept="always", event_components=(MoneyLayout.COUNT,)
)
"""By class at the purchase or refund, and currency. `VALUE` is not used."""
CLASS_TO_DATE = Aggregate(AggregateName("class_clv"), MoneyLayout, "stock", entities_kept="always")
"""By present class and currency: revenue to date times margin, of active customers with revenue in that currency."""
CHURN_EXIT = Aggregate(AggregateName("churn_exit"), ChurnExitLayout, entities_kept="always")
"""Churns whose customer has an exit answer."""
CHURN_EXIT_REASONS = Aggregate(AggregateName("churn_exit_reasons"), ChurnExitLayout, entities_kept="always")
"""By reason of that answer."""
TICKET_CSAT = Aggregate(
    AggregateName("ticket_csat"), TicketCsatLayout, entities_kept="closed", event_components=(0, 1)
)
"""By fate of the ticket's first response, with the ticket's present dimensions."""
ALL = (
    CLASS_CUSTOMERS,
    CLASS_LEAVES,
    CLASS_CHURNED,
    CLASS_REVENUE,
    CLASS_TO_DATE,
    CHURN_EXIT,
    CHURN_EXIT_REASONS,
    TICKET_CSAT,
)
