"""Customer lifetime value: to date, predicted, and what a window adds to it, by cohort and currency."""

from collections.abc import Iterator, Sequence

from stream.core.metrics.cohorts import COHORTS, population, total
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, ReadContext, Sample
from stream.core.model.aggregate import VectorsByLabels
from stream.core.model.aggregates.customers import (
    CUSTOMERS,
    PERIODS,
    REVENUE,
    TO_DATE,
    CustomersLayout,
    MoneyLayout,
)
from stream.core.model.money import BASIS, join, major
from stream.core.model.time_buckets import Window

MONTHS = 36
"""A life is predicted to last at most this many times 30 d."""

COHORT_LABELS = ("cohort", "currency")
HISTORICAL = Family(
    "cx_clv_historical_mean",
    "Margin per active customer, all lives",
    COHORT_LABELS,
    windowed=False,
    unit="money",
)
PREDICTED = Family(
    "cx_clv_predicted",
    "Margin of the last 30 days per active customer, times the months that churn leaves, 36 at most",
    COHORT_LABELS,
    windowed=False,
    unit="money",
)
MEMBERS = Family("cx_clv_customers", "Active customers", ("cohort",), windowed=False)
TURNOVER = Family(
    "cx_revenue", "Purchases less refunds in the window, in major units", ("currency",), unit="money"
)
ADDED = Family(
    "cx_clv_added_mean",
    "Margin in the window of the cohort's customers, per active one",
    COHORT_LABELS,
    unit="money",
)


def _sums(cells: VectorsByLabels, component: int, cohorts: Sequence[str]) -> dict[str, int]:
    """What cohorts have in each currency in which they have anything."""
    sums: dict[str, int] = {}
    for (cohort, currency), vector in sorted(cells.items()):
        if cohort in cohorts and vector.get(MoneyLayout.COUNT, 0):
            sums[currency] = sums.get(currency, 0) + join(vector, component)
    return sums


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the revenue in each currency."""
    for currency, net in _sums(context.flow(REVENUE), MoneyLayout.NET, COHORTS["all"]).items():
        yield Sample(TURNOVER, (currency,), major(net, currency))


def read(context: ReadContext, _: Window) -> Iterator[Sample]:
    """Yield the margin added per active customer, in the currencies of the window."""
    customers, revenue = context.stock(CUSTOMERS), context.flow(REVENUE)
    currencies = _sums(revenue, MoneyLayout.NET, COHORTS["all"])
    for cohort, parts in COHORTS.items():
        if n := total(customers, CustomersLayout.ACTIVE, parts):
            value = _sums(revenue, MoneyLayout.VALUE, parts)
            for currency in currencies:
                yield Sample(ADDED, (cohort, currency), major(value.get(currency, 0), currency, BASIS * n))


def read_stock(context: ReadContext) -> Iterator[Sample]:
    """Means over active customers, buyers or not; a prediction where the last 30 days and S allow one."""
    customers, to_date = context.stock(CUSTOMERS), context.stock(TO_DATE)
    revenue, lives = context.last_30_days(REVENUE), context.last_30_days(PERIODS)
    currencies = _sums(to_date, MoneyLayout.VALUE, COHORTS["all"])
    for cohort, parts in COHORTS.items():
        people = population(customers, lives, parts)
        yield Sample(MEMBERS, (cohort,), people.active)
        if not people.active:
            continue
        value = _sums(to_date, MoneyLayout.VALUE, parts)
        for currency in currencies:
            mean = major(value.get(currency, 0), currency, BASIS * people.active)
            yield Sample(HISTORICAL, (cohort, currency), mean)
        if people.opening:
            months = min(people.opening / people.lost, MONTHS) if people.lost else MONTHS
            for currency, month in _sums(revenue, MoneyLayout.VALUE, parts).items():
                mean = major(month, currency, BASIS * people.active)
                yield Sample(PREDICTED, (cohort, currency), mean * months)


METRIC = Metric(
    name="clv",
    title="CLV",
    definition=(
        "Historical: purchases less refunds, times the customer's margin (else the configured one), all lives, mean over "
        "the active customers of the cohort, buyers or not. Predicted: the same of the last 30 days, of all customers of "
        "the cohort, per active one, times 1 / churn of these 30 days, 36 at most; not shown without revenue in them or "
        "customers before them. Added: what a window adds. Cohorts by present membership: customers who answered a survey "
        "(responder) and the others; their difference is an association, not an effect. Currencies are never added."
    ),
    formula="historical: sum(net revenue * margin) / active; predicted: m * min(1 / churn, 36)",
    excluded=(
        "Customers who are not active, from the historical mean. cx_revenue counts the purchases and "
        "refunds of everyone."
    ),
    source="average revenue per account * gross margin / churn rate, with a horizon of 36 months",
    example='cx_clv_added_mean{view="total", window="30d", cohort="responder"}',
    aggregates=(CUSTOMERS, PERIODS, TO_DATE, REVENUE),
    families=(HISTORICAL, PREDICTED, MEMBERS, TURNOVER, ADDED),
    panels=(
        Panel(
            title="CLV, historical",
            lines=(Line(HISTORICAL, by=COHORT_LABELS),),
            samples=(Line(MEMBERS, by=("cohort",)),),
        ),
        Panel(
            title="CLV, predicted",
            lines=(Line(PREDICTED, by=COHORT_LABELS),),
            samples=(Line(MEMBERS, by=("cohort",)),),
        ),
        Panel(
            title="CLV added",
            lines=(Line(ADDED, by=COHORT_LABELS),),
            samples=(Line(MEMBERS, by=("cohort",)),),
        ),
        Panel(title="Net revenue", lines=(Line(TURNOVER, by=("currency",)),)),
    ),
    read_flows=read_flows,
    read=read,
    read_stock=read_stock,
    headlines=(
        Headline(
            "CLV to date",
            HISTORICAL,
            "higher",
            ("all", None),
            sample_size=MEMBERS,
            timeline_family=TURNOVER,
        ),
        Headline(
            "CLV predicted",
            PREDICTED,
            "higher",
            ("all", None),
            sample_size=MEMBERS,
            timeline_family=TURNOVER,
        ),
    ),
)
