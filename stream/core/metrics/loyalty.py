"""What customers do by the class of their newest answer: stay, leave, buy."""

from collections.abc import Iterator

from stream.core.metrics import classes
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.metrics.shares import bounds_of, share_samples
from stream.core.model.aggregates.customers import (
    CHURNED,
    CUSTOMERS,
    PERIODS,
    REVENUE,
    TO_DATE,
    MoneyLayout,
)
from stream.core.model.aggregates.joined import (
    CLASS_CHURNED,
    CLASS_CUSTOMERS,
    CLASS_LEAVES,
    CLASS_REVENUE,
    CLASS_TO_DATE,
)
from stream.core.model.money import BASIS, major
from stream.core.model.time_buckets import Window

BY_CLASS = ("survey", "class")
MONEY_BY_CLASS = (*BY_CLASS, "currency")
ACTIVE = Family(
    "cx_class_customers",
    "Customers active now, by the class of their newest answer",
    BY_CLASS,
    windowed=False,
)
CHURNS = Family("cx_class_churned_customers", "Churns in the window, by class at the churn", BY_CLASS)
EXPOSED = Family(
    "cx_class_exposed_customers",
    "Customers active in the class just before the window's start, and entries into it in the window",
    BY_CLASS,
)
RATIO = Family(
    "cx_class_churn_ratio", "Churns in the window per exposed customer of the class", BY_CLASS, unit="ratio"
)
BOUNDS = bounds_of(RATIO, "exposed customers of the class who churned")
NET = Family(
    "cx_class_revenue",
    "Purchases less refunds in the window, by class at the purchase or refund",
    MONEY_BY_CLASS,
    unit="money",
)
HISTORICAL = Family(
    "cx_class_clv_historical_mean",
    "Net revenue to date times margin per active customer of the class, all lives",
    MONEY_BY_CLASS,
    windowed=False,
    unit="money",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield churns and revenue by class."""
    for survey, name, churns in classes.churned(context):
        yield Sample(CHURNS, (survey, name), churns)
    by_class, of_all = context.flow(CLASS_REVENUE), context.flow(REVENUE)
    for currency, sums in classes.amounts(by_class, of_all, MoneyLayout.NET):
        for survey, name, net in sums:
            yield Sample(NET, (survey, name, currency), major(net, currency))


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Yield the exposed customers of each class and, unless there are none, the share of them that churned."""
    churns = {(survey, name): n for survey, name, n in classes.churned(context)}
    for survey, name, exposed in classes.exposed(context):
        labels = (survey, name)
        yield Sample(EXPOSED, labels, exposed)
        if exposed:
            yield from share_samples(RATIO, BOUNDS, churns[labels], exposed, labels)


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Yield the active customers of each class, and their mean lifetime value to date if there are any."""
    active = {(survey, name): n for survey, name, n in classes.active(context)}
    for labels, n in active.items():
        yield Sample(ACTIVE, labels, n)
    by_class, of_all = context.stock(CLASS_TO_DATE), context.stock(TO_DATE)
    for currency, sums in classes.amounts(by_class, of_all, MoneyLayout.VALUE):
        for survey, name, value in sums:
            if n := active[survey, name]:
                yield Sample(HISTORICAL, (survey, name, currency), major(value, currency, BASIS * n))


METRIC = Metric(
    name="loyalty",
    version=2,
    title="Loyalty",
    definition=(
        "Customers, churns, revenue and historical CLV by class: promoter, passive or detractor by the newest NPS answer "
        "that counts, satisfied or dissatisfied by the newest CSAT answer, none without one. Answers of all programmes are "
        "pooled. A churn has the class at the churn, a purchase or refund the class at its time, the answers of that moment "
        "included. Exposed: customers active in the class just before the window's start, and all entries into it in the "
        "window, by a new life or a new answer. Churn ratio: churns / exposed. Historical CLV as in CLV, as a mean over the "
        "active customers of the present class. These are associations, not effects: customers of different classes also "
        "differ in other ways. An answer that names a ticket but no customer is not joined."
    ),
    formula="churns of the class / (active in it at the start + entries into it)",
    excluded=(
        "Premature, dismissed and deleted answers give no class. Of a customer the newest 16 answers can still be edited or "
        "deleted. Older ones are final."
    ),
    source="churn by survey class, as in F. Reichheld's net promoter analyses; exposure as in survival analysis",
    example='cx_class_churn_ratio{view="total", window="30d", survey="nps", class="detractor"}',
    aggregates=(
        CUSTOMERS,
        PERIODS,
        CHURNED,
        REVENUE,
        TO_DATE,
        CLASS_CUSTOMERS,
        CLASS_LEAVES,
        CLASS_CHURNED,
        CLASS_REVENUE,
        CLASS_TO_DATE,
    ),
    families=(ACTIVE, CHURNS, EXPOSED, RATIO, *BOUNDS, NET, HISTORICAL),
    panels=(
        Panel(
            title="Churn by NPS class",
            lines=(Line(RATIO, by=("class",), where={"survey": "nps"}),),
            bounds=BOUNDS,
            samples=(Line(EXPOSED, by=("class",), where={"survey": "nps"}),),
            min=0,
        ),
        Panel(
            title="Churn by CSAT class",
            lines=(Line(RATIO, by=("class",), where={"survey": "csat"}),),
            bounds=BOUNDS,
            samples=(Line(EXPOSED, by=("class",), where={"survey": "csat"}),),
            min=0,
        ),
        Panel(
            title="Net revenue by NPS class",
            lines=(Line(NET, by=("class", "currency"), where={"survey": "nps"}),),
        ),
        Panel(
            title="CLV, historical, by NPS class",
            lines=(Line(HISTORICAL, by=("class", "currency"), where={"survey": "nps"}),),
            samples=(Line(ACTIVE, by=("class",), where={"survey": "nps"}),),
        ),
    ),
    read_flows=read_flows,
    read=read,
    read_stock=read_stock,
    headlines=(
        Headline(
            "Churn by NPS class",
            RATIO,
            "lower",
            ("nps", None),
            low=BOUNDS[0],
            high=BOUNDS[1],
            sample_size=EXPOSED,
            timeline_family=CHURNS,
        ),
        Headline(
            "Revenue of detractors",
            NET,
            "higher",
            ("nps", "detractor", None),
            sample_size=ACTIVE,
            timeline_family=NET,
        ),
    ),
)
