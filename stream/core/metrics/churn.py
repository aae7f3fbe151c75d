"""Customer churn."""

from collections.abc import Iterator

from stream.core.buckets import Window
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.metrics.cohorts import ACTIVE, CUSTOMERS, IGNORED, LIVES, SCHEDULED, population, total
from stream.core.metrics.top import top
from stream.core.tally import Tally

INVOLUNTARY, VOLUNTARY = range(2)
UNKNOWN = "unknown"
"""The reason of a churn that names none."""
CHURNED = Tally("churned", remembered=True, counts=(INVOLUNTARY, VOLUNTARY))
"""By reason: churns that ended a life."""

RATIO = Family("cx_churn_ratio", "Customers lost in the window per customer at its start", ("method",))
REASONS = Family("cx_churned_customers", "Churns in the window", ("reason",))
WILL = Family(
    "cx_churned_voluntary_customers",
    "Churns in the window, by whether the customer wanted to",
    ("voluntary",),
)
OPENING = Family("cx_opening_customers", "Customers active just before the window's start")
NOW_ACTIVE = Family("cx_active_customers", "Customers active now", windowed=False)
NOTICE = Family(
    "cx_cancel_scheduled_customers",
    "Active customers whose last event is a notice of leaving",
    windowed=False,
)
STRAY = Family(
    "cx_churn_ignored_total",
    "Churns of customers who were unknown or not active then; taken back when the activation comes later",
    type="counter",
    windowed=False,
)


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """Both ratios unless there was no customer; the churns by reason and by will."""
    people = population(sight.stock("customers"), sight.flow("lives"))
    cells = sight.flow("churned")
    counts = {reason: sum(vector.values()) for (reason,), vector in cells.items()}
    if people.opening:
        yield Sample(RATIO, ("cohort",), people.lost / people.opening)
        yield Sample(RATIO, ("seed",), sum(counts.values()) / people.opening)
    for reason, n in top(counts, sight.rules.top):
        yield Sample(REASONS, (reason,), n)
    for component, voluntary in ((VOLUNTARY, "true"), (INVOLUNTARY, "false")):
        yield Sample(WILL, (voluntary,), sum(vector.get(component, 0) for vector in cells.values()))
    yield Sample(OPENING, (), people.opening)


def read_stock(sight: Sight) -> Iterator[Sample]:
    """The present base, who is about to leave it, and churns of nobody."""
    have = sight.stock("customers")
    yield Sample(NOW_ACTIVE, (), total(have, ACTIVE))
    yield Sample(NOTICE, (), total(have, SCHEDULED))
    yield Sample(STRAY, (), total(have, IGNORED))


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
    source="cohort: customers lost / customers at the start of the period; seed: all losses / the same",
    example='cx_churn_ratio{view="total", window="30d", method="cohort"}',
    tallies=(CUSTOMERS, LIVES, CHURNED),
    families=(RATIO, REASONS, WILL, OPENING, NOW_ACTIVE, NOTICE, STRAY),
    read=read,
    read_stock=read_stock,
)
