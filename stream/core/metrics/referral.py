"""Customer referral rate."""

from collections.abc import Iterator

from stream.core.metrics.churn import NOW_ACTIVE
from stream.core.metrics.cohorts import total
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregates.customers import (
    CUSTOMERS,
    REFERRALS,
    REFERRERS,
    CustomersLayout,
    ReferrersLayout,
)
from stream.core.model.time_buckets import Window

STATES = ("sent", "converted", "reversed")

RATIO = Family(
    "cx_referral_ratio",
    "Customers with a conversion in the window that is not reversed, per active customer",
    unit="ratio",
)
PEOPLE = Family("cx_referrers", "Customers with a conversion in the window that is not reversed")
COUNTS = Family("cx_referrals", "Referrals sent, converted and reversed in the window", ("state",))


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the referrals by state."""
    referrals = context.flow(REFERRALS).get((), {})
    for component, state in enumerate(STATES):
        yield Sample(COUNTS, (state,), referrals.get(component, 0))


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Yield the distinct referrers, which are known for windows up to now only, and the ratio if there are active customers."""
    referrers = context.flow(REFERRERS).get((), {}).get(ReferrersLayout.CUSTOMERS, 0)
    yield Sample(PEOPLE, (), referrers)
    if active := total(context.stock(CUSTOMERS), CustomersLayout.ACTIVE):
        yield Sample(RATIO, (), referrers / active)


METRIC = Metric(
    name="referral",
    version=2,
    title="Referral",
    definition=(
        "Distinct customers with at least one referral that was converted in the window and not reversed at "
        "any time, per active customer. Customers cannot refer themselves."
    ),
    formula="referrers / active customers",
    excluded=(
        "Conversions that are reversed at any time. Several conversions of one customer count once in "
        "cx_referrers."
    ),
    source="customers with a converted referral / customers at the end of the period",
    example='cx_referral_ratio{view="total", window="30d"}',
    aggregates=(CUSTOMERS, REFERRALS, REFERRERS),
    families=(RATIO, PEOPLE, COUNTS),
    panels=(
        Panel(
            title="Referral rate",
            lines=(Line(RATIO),),
            samples=(Line(NOW_ACTIVE, "active customers"),),
            min=0,
        ),
        Panel(title="Referrals", lines=(Line(COUNTS, by=("state",)), Line(PEOPLE, "referrers")), min=0),
    ),
    read_flows=read_flows,
    read=read,
    headlines=(Headline("Referral", RATIO, "higher", sample_size=NOW_ACTIVE),),
)
