"""Customers who decided to leave."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.customers import LEAVING, LeavingLayout
from stream.core.model.time_buckets import Window

CUSTOMERS = Family(
    "cx_leaving_customers",
    "Customers who decided to leave in the window: notices that stand, and voluntary churns without notice",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the number of customers."""
    yield Sample(CUSTOMERS, (), context.flow(LEAVING).get((), {}).get(LeavingLayout.CUSTOMERS, 0))


METRIC = Metric(
    name="leaving",
    version=2,
    title="Leaving",
    definition=(
        "Decisions to leave, at their moment: of each life the notice that stands, else its churn if it is "
        "voluntary or does not say. A notice stands until a withdrawal, an activation or a switch of plan takes "
        "it back, and so does its count. Of several notices that stand the first counts. A churn after a notice "
        "that stands was counted at the notice. Dimensions are the present ones, as of all customer figures."
    ),
    formula="notices that stand + voluntary churns of lives without one",
    excluded=(
        "Churns that are not voluntary, which are in cx_churned_voluntary_customers. Notices that were taken "
        "back, notices and churns of customers who were not active, and switches of plan."
    ),
    source="cancellations by the date of the notice, of which churn at the end of the contract is the effect",
    example='cx_leaving_customers{view="channel", window="1h"}',
    aggregates=(LEAVING,),
    families=(CUSTOMERS,),
    panels=(Panel(title="Decisions to leave", lines=(Line(CUSTOMERS),), min=0),),
    read_flows=read_flows,
    headlines=(Headline("Deciding to leave", CUSTOMERS, "lower", timeline_family=CUSTOMERS),),
)
