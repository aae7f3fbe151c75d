"""Customer churn."""

from collections.abc import Iterator

from stream.core.metrics.cohorts import population, total
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.metrics.top import largest_counts
from stream.core.model.aggregates.customers import (
    CHURN_IGNORED,
    CHURNED,
    CUSTOMERS,
    PERIODS,
    ChurnedLayout,
    ChurnIgnoredLayout,
    CustomersLayout,
)
from stream.core.model.time_buckets import Window

RATIO = Family(
    "cx_churn_ratio", "Customers lost in the window per customer at its start", ("method",), unit="ratio"
)
REASONS = Family("cx_churned_customers", "Churns in the window", ("reason",))
VOLUNTARY_CHURNS = Family(
    "cx_churned_voluntary_customers",
    "Churns in the window, by whether they were voluntary",
    ("voluntary",),
)
OPENING = Family("cx_opening_customers", "Customers active just before the window's start")
NOW_ACTIVE = Family("cx_active_customers", "Customers active now", windowed=False)
CANCEL_SCHEDULED = Family(
    "cx_cancel_scheduled_customers",
    "Active customers whose last life event is a scheduled cancellation that was not taken back",
    windowed=False,
)
IGNORED = Family(
    "cx_churn_ignored",
    "Churns in the window of customers who were unknown or not active then, until a late activation corrects it",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the churns by reason and by whether they were voluntary, and the ignored ones."""
    ignored = context.flow(CHURN_IGNORED).get((), {})
    yield Sample(IGNORED, (), ignored.get(ChurnIgnoredLayout.CHURNS, 0))
    cells = context.flow(CHURNED)
    counts = {reason: sum(vector.values()) for (reason,), vector in cells.items()}
    for reason, n in largest_counts(counts, context.config.top):
        yield Sample(REASONS, (reason,), n)
    for component, voluntary in ((ChurnedLayout.VOLUNTARY, "true"), (ChurnedLayout.INVOLUNTARY, "false")):
        yield Sample(
            VOLUNTARY_CHURNS, (voluntary,), sum(vector.get(component, 0) for vector in cells.values())
        )


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Yield the number of customers at the window's start and, unless it is 0, both ratios."""
    people = population(context.stock(CUSTOMERS), context.flow(PERIODS))
    if people.opening:
        churns = sum(sum(vector.values()) for vector in context.flow(CHURNED).values())
        yield Sample(RATIO, ("cohort",), people.lost / people.opening)
        yield Sample(RATIO, ("seed",), churns / people.opening)
    yield Sample(OPENING, (), people.opening)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Yield the numbers of active customers and of scheduled cancellations."""
    customers = context.stock(CUSTOMERS)
    yield Sample(NOW_ACTIVE, (), total(customers, CustomersLayout.ACTIVE))
    yield Sample(CANCEL_SCHEDULED, (), total(customers, CustomersLayout.SCHEDULED))


METRIC = Metric(
    name="churn",
    version=2,
    title="Churn",
    definition=(
        "Method cohort: the share of the customers active just before the window's start who churned in it. "
        "A return starts a new life and does not undo a churn. Method seed: all churns in the window, also "
        "those of customers won in it, per customer at its start. A churn counts when it takes effect, not "
        "when notice is given. At one moment, an activation and a churn are a switch of plan if the customer "
        "was active before it, else a life of no length. Without customers at the start there is no ratio."
    ),
    formula="cohort: lost / S; seed: churns / S",
    excluded=(
        "Scheduled cancellations. Churns of customers who were unknown or not active are in "
        "cx_churn_ignored only. A churn and an activation of an active customer at one moment are a switch of plan."
    ),
    source="cohort: customers lost / customers at the start of the period; seed: all losses / the same",
    example='cx_churn_ratio{view="total", window="30d", method="cohort"}',
    aggregates=(CUSTOMERS, PERIODS, CHURNED, CHURN_IGNORED),
    families=(RATIO, REASONS, VOLUNTARY_CHURNS, OPENING, NOW_ACTIVE, CANCEL_SCHEDULED, IGNORED),
    panels=(
        Panel(
            title="Churn",
            lines=(Line(RATIO, where={"method": "cohort"}),),
            samples=(Line(OPENING),),
            min=0,
        ),
        Panel(title="Churns by reason", lines=(Line(REASONS, by=("reason",)),), min=0),
        Panel(title="Churns by will", lines=(Line(VOLUNTARY_CHURNS, "voluntary:", ("voluntary",)),), min=0),
        Panel(
            title="Customers", lines=(Line(NOW_ACTIVE, "active"), Line(CANCEL_SCHEDULED, "leaving")), min=0
        ),
    ),
    read_flows=read_flows,
    read=read,
    read_stock=read_stock,
    headlines=(
        Headline(
            "Churn",
            RATIO,
            "lower",
            ("cohort",),
            sample_size=OPENING,
            timeline_family=VOLUNTARY_CHURNS,
        ),
        Headline("Active customers", NOW_ACTIVE, "higher"),
        Headline("Leaving scheduled", CANCEL_SCHEDULED, "lower"),
    ),
)
