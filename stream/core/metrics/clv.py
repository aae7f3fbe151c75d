"""Customer lifetime value: to date, predicted, and added in a window, by cohort and currency."""

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
"""The longest predicted life, in units of 30 days."""

COHORT_LABELS = ("cohort", "currency")
HISTORICAL = Family(
    "cx_clv_historical_mean",
    "Net revenue to date times margin (the customer's, else clv.margin_rate, 1 by default) per active customer, all lives",
    COHORT_LABELS,
    windowed=False,
    unit="money",
)
PREDICTED = Family(
    "cx_clv_predicted",
    "Margin of the last 30 days per active customer, times 1 / churn of these 30 days, capped at 36 months",
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
    "Margin in the window of all customers of the cohort, per active customer",
    COHORT_LABELS,
    unit="money",
)


def _sums(cells: VectorsByLabels, component: int, cohorts: Sequence[str]) -> dict[str, int]:
    """Return the sum of a component over cohorts, by currency. Currencies without purchases or refunds are absent."""
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
    """Yield customers and historical mean of each cohort, and its prediction.

    A prediction needs purchases in the last 30 days and customers at their start.
    """
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
    version=2,
    title="CLV",
    definition=(
        "Historical: purchases less refunds of all lives, times the customer's margin (else the configured "
        "clv.margin_rate, by default 1), as a mean over the active customers of the cohort, buyers or not. Predicted: the same amount "
        "of the last 30 days, of all customers of the cohort, per active customer, times 1 / churn of these "
        "30 days, at most 36. It needs revenue in these 30 days and customers before them. Added: the margin "
        "of a window, per active customer. Cohorts go by present membership: customers who answered a survey "
        "(responder) and the others. Their difference is an association, not an effect. Amounts in different "
        "currencies are never added up."
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
            title="CLV, historical, at margin",
            lines=(Line(HISTORICAL, by=COHORT_LABELS),),
            samples=(Line(MEMBERS, by=("cohort",)),),
        ),
        Panel(
            title="CLV, predicted, capped at 36 months",
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
            "CLV to date (at margin)",
            HISTORICAL,
            "higher",
            ("all", None),
            sample_size=MEMBERS,
            timeline_family=TURNOVER,
        ),
        Headline(
            "CLV predicted (max. 36 months)",
            PREDICTED,
            "higher",
            ("all", None),
            sample_size=MEMBERS,
            timeline_family=TURNOVER,
        ),
    ),
)
