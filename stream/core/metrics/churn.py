"""Customer churn."""

from collections.abc import Iterator

from stream.core.metrics.cohorts import population, total
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.metrics.top import largest_counts
from stream.core.model.aggregates.customers import (
    CHURNED,
    CUSTOMERS,
    PERIODS,
    ChurnedLayout,
    CustomersLayout,
)
from stream.core.model.time_buckets import Window

RATIO = Family(
    "cx_churn_ratio", "Customers lost in the window per customer at its start", ("method",), unit="ratio"
)
REASONS = Family("cx_churned_customers", "Churns in the window", ("reason",))
VOLUNTARY_CHURNS = Family(
    "cx_churned_voluntary_customers",
    "Churns in the window, by whether the customer wanted to",
    ("voluntary",),
)
OPENING = Family("cx_opening_customers", "Customers active just before the window's start")
NOW_ACTIVE = Family("cx_active_customers", "Customers active now", windowed=False)
CANCEL_SCHEDULED = Family(
    "cx_cancel_scheduled_customers",
    "Active customers whose last event is a notice of leaving",
    windowed=False,
)
CHURN_IGNORED = Family(
    "cx_churn_ignored_total",
    "Churns of customers who were unknown or not active then; taken back when the activation comes later",
    type="counter",
    windowed=False,
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the churns by reason, and by whether the customer wanted to."""
    cells = context.flow(CHURNED)
    counts = {reason: sum(vector.values()) for (reason,), vector in cells.items()}
    for reason, n in largest_counts(counts, context.config.top):
        yield Sample(REASONS, (reason,), n)
    for component, voluntary in ((ChurnedLayout.VOLUNTARY, "true"), (ChurnedLayout.INVOLUNTARY, "false")):
        yield Sample(
            VOLUNTARY_CHURNS, (voluntary,), sum(vector.get(component, 0) for vector in cells.values())
        )


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Yield the customers at the window's start and, unless there were none, both ratios."""
    people = population(context.stock(CUSTOMERS), context.flow(PERIODS))
    if people.opening:
        churns = sum(sum(vector.values()) for vector in context.flow(CHURNED).values())
        yield Sample(RATIO, ("cohort",), people.lost / people.opening)
        yield Sample(RATIO, ("seed",), churns / people.opening)
    yield Sample(OPENING, (), people.opening)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """The present base, who is about to leave it, and churns of nobody."""
    have = context.stock(CUSTOMERS)
    yield Sample(NOW_ACTIVE, (), total(have, CustomersLayout.ACTIVE))
    yield Sample(CANCEL_SCHEDULED, (), total(have, CustomersLayout.SCHEDULED))
    yield Sample(CHURN_IGNORED, (), total(have, CustomersLayout.IGNORED))


METRIC = Metric(
    name="churn",
    title="Churn",
    definition=(
        "Of the customers who were active just before the window's start, the share that churned in it; a return is a "
        "new life and does not undo a churn. Method seed: all churns in the window, also of customers won in it, per "
        "customer at its start. A churn counts when it takes effect, not when notice is given. Not shown without "
        "customers at the start."
    ),
    formula="cohort: lost / S; seed: churns / S",
    excluded=(
        "Scheduled cancellations. Churns of customers who were unknown or not active are in "
        "cx_churn_ignored_total only."
    ),
    source="cohort: customers lost / customers at the start of the period; seed: all losses / the same",
    example='cx_churn_ratio{view="total", window="30d", method="cohort"}',
    aggregates=(CUSTOMERS, PERIODS, CHURNED),
    families=(RATIO, REASONS, VOLUNTARY_CHURNS, OPENING, NOW_ACTIVE, CANCEL_SCHEDULED, CHURN_IGNORED),
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
