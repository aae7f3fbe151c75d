"""Customer referral rate."""

from collections.abc import Iterator

from stream.core.metrics.churn import NOW_ACTIVE
from stream.core.metrics.cohorts import ACTIVE, CUSTOMERS, total
from stream.core.metrics.metric import Family, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregate import Aggregate
from stream.core.model.time_buckets import Window

SENT, CONVERTED, REVERSED = range(3)
STATES = ("sent", "converted", "reversed")

REFERRALS = Aggregate("referrals", long_retention=True, event_components=(SENT, CONVERTED, REVERSED))
"""Referrals by what became of them, each at its own time."""
REFERRERS = Aggregate("referrers", "open_flow", long_retention=True)
"""Customers, each at its latest conversion that stands.

Windows end at the present, so that whoever converted in one has the latest conversion in it: each counts once.
A conversion ahead of the clock (5 minutes at most) counts as soon as it is known and hides no earlier one."""

RATIO = Family(
    "cx_referral_ratio", "Customers with a conversion in the window that stands, per active customer"
)
PEOPLE = Family("cx_referrers", "Customers with a conversion in the window that is not reversed")
COUNTS = Family("cx_referrals", "Referrals sent, converted and reversed in the window", ("state",))


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Distinct referrers, the ratio while there are customers, referrals by state."""
    referrers = context.flow("referrers").get((), {}).get(0, 0)
    if active := total(context.stock("customers"), ACTIVE):
        yield Sample(RATIO, (), referrers / active)
    yield Sample(PEOPLE, (), referrers)
    have = context.flow("referrals").get((), {})
    for component, state in enumerate(STATES):
        yield Sample(COUNTS, (state,), have.get(component, 0))


METRIC = Metric(
    name="referral",
    title="Referral",
    definition=(
        "Distinct customers with at least one referral converted in the window that was not reversed, at whatever time, "
        "per active customer. Nobody can refer oneself."
    ),
    formula="referrers / active customers",
    source="customers with a converted referral / customers at the end of the period",
    example='cx_referral_ratio{view="total", window="30d"}',
    aggregates=(CUSTOMERS, REFERRALS, REFERRERS),
    families=(RATIO, PEOPLE, COUNTS),
    panels=(
        Panel(
            title="Referral rate",
            lines=(Line(RATIO),),
            unit="percentunit",
            samples=(Line(NOW_ACTIVE, "active customers"),),
            min=0,
        ),
        Panel(title="Referrals", lines=(Line(COUNTS, by=("state",)), Line(PEOPLE, "referrers")), min=0),
    ),
    read=read,
    headlines=(Headline("Referral", RATIO, "ratio", "higher", sample_size=NOW_ACTIVE),),
)
