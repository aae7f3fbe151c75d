"""Customer retention."""

from collections.abc import Iterator

from stream.core.metrics.churn import OPENING
from stream.core.metrics.cohorts import population
from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.customers import CUSTOMERS, PERIODS
from stream.core.model.time_buckets import Window

RATIO = Family(
    "cx_retention_ratio",
    "Customers retained over the window per customer at its start",
    ("method",),
    unit="ratio",
)


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Yield both ratios, unless there were no customers at the start."""
    people = population(context.stock(CUSTOMERS), context.flow(PERIODS))
    if people.opening:
        yield Sample(RATIO, ("cohort",), people.retained / people.opening)
        yield Sample(RATIO, ("seed",), people.active / people.opening)


METRIC = Metric(
    name="retention",
    version=2,
    title="Retention",
    definition=(
        "Method cohort: customers active at the window's end less those whose present life began in it, per "
        "customer active just before its start. It equals 1 - cohort churn. Method seed: all customers "
        "active at the end, per customer at the start. It can exceed 1. Without customers at the start there "
        "is no ratio."
    ),
    formula="cohort: (E - N) / S; seed: E / S",
    excluded="Customers whose present life began in the window, for the method cohort.",
    source="(customers at the end - new customers still there) / customers at the start",
    example='cx_retention_ratio{view="total", window="30d", method="cohort"}',
    aggregates=(CUSTOMERS, PERIODS),
    families=(RATIO,),
    panels=(
        Panel(
            title="Retention",
            lines=(Line(RATIO, where={"method": "cohort"}),),
            samples=(Line(OPENING),),
            min=0,
            max=1,
        ),
    ),
    read=read,
    headlines=(Headline("Retention", RATIO, "higher", ("cohort",), sample_size=OPENING),),
)
