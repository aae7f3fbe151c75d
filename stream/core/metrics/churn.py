"""Customer churn."""

from collections.abc import Iterator

from stream.core.alerts.alert import Alert, Record, Threshold
from stream.core.alerts.promql import SITE, Z, both, complete, larger, poisson_high, poisson_low
from stream.core.alerts.shapes import rise, settled
from stream.core.alerts.words import TENTH, WHERE, of, sentence, value
from stream.core.buckets import Window
from stream.core.metric import Family, Headline, Line, Metric, Panel, Sample, Sight
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


SPIKE = Threshold(
    "churn_spike_times", 3, "So many times the usual hour is a spike: more than a busy hour of the day has"
)
RISE = Threshold(
    "churn_rise_times", 2, "So many times the usual day is a rise: more than a busy day of the week has"
)
NOTICES = Threshold("cancel_scheduled_times", 3, "So many times the usual hour's notices are a spike")
PEOPLE = Threshold("churn_customers", 30, "Customers at the window's start below which nobody is told")


_EVERYONE = 'cx:cancel_scheduled:n{view="total"}'


def _churns(window: str) -> str:
    return f'sum without (voluntary) ({WILL.name}{{window="{window}"}})'


def _opening(window: str) -> str:
    return f'{OPENING.name}{{window="{window}"}}'


def _told(rule: str, what: str) -> str:
    return sentence(
        f"{value()} of {of(f'{rule}:n')} customers{WHERE} {what} "
        f"(at least {of(f'{rule}:bound', TENTH)} by the bound, usual are at most {of(f'{rule}:usual', TENTH)})"
    )


def _more(rule: str, times: Threshold) -> str:
    return both(f"{rule}:value", f"{rule}:bound > {times} * {rule}:usual", f"{rule}:n >= {PEOPLE}")


ALERTS = (
    Alert(
        name="CxChurnSpike",
        severity="page",
        domain="customers",
        window="1h",
        for_="30s",
        keep_firing_for="15m",
        records=rise(
            "cx:churn_spike",
            "1h",
            count=_churns,
            base=_opening,
            exposures={"24h": f"{_opening('24h')} * 23", "7d": f"{_opening('7d')} * 167"},
        ),
        expr=both(_more("cx:churn_spike", SPIKE), settled("cx:churn_spike", "7d", "24h")),
        thresholds=(Z, SPIKE, PEOPLE),
        summary=_told("cx:churn_spike", "churned within an hour"),
        description="Customers leave far faster than in the day and the week before, by more than chance explains.",
    ),
    Alert(
        name="CxChurnRise",
        severity="ticket",
        domain="customers",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=rise(
            "cx:churn_rise",
            "24h",
            count=_churns,
            base=_opening,
            exposures={"7d": f"{_opening('7d')} * 6", "30d": f"{_opening('30d')} * 29"},
        ),
        expr=both(_more("cx:churn_rise", RISE), settled("cx:churn_rise", "30d", "7d")),
        thresholds=(Z, RISE, PEOPLE),
        summary=_told("cx:churn_rise", "churned within a day"),
        description="Customers leave faster than in the week and the month before, by more than chance explains.",
    ),
    Alert(
        name="CxCancelScheduledSpike",
        severity="page",
        domain="customers",
        for_="30s",
        keep_firing_for="15m",
        records=(
            Record("cx:cancel_scheduled:stock", complete(NOTICE.name)),
            Record("cx:cancel_scheduled:n", complete(NOW_ACTIVE.name)),
            Record(
                "cx:cancel_scheduled:value",
                "cx:cancel_scheduled:stock - cx:cancel_scheduled:stock offset 1h > 0",
            ),
            Record("cx:cancel_scheduled:bound", poisson_low("cx:cancel_scheduled:value")),
            Record("cx:cancel_scheduled:churned", complete(_churns("30d"))),
            Record(
                "cx:cancel_scheduled:usual",
                larger(
                    f"({poisson_high('cx:cancel_scheduled:churned')}) / 720",
                    "(cx:cancel_scheduled:stock offset 1h) / 168",
                ),
            ),
        ),
        expr=both(
            "cx:cancel_scheduled:value",
            f"cx:cancel_scheduled:bound > {NOTICES} * cx:cancel_scheduled:usual",
            f"cx:cancel_scheduled:n >= {PEOPLE}",
            f'on ({SITE}) (cx:cancel_scheduled:n{{view="total"}} offset 1h > 0.8 * cx:cancel_scheduled:n{{view="total"}})',
        ),
        thresholds=(Z, NOTICES, PEOPLE),
        summary=sentence(
            f"{value()} more of {of('cx:cancel_scheduled:n')} customers{WHERE} are about to leave than an hour ago (at least "
            f"{of('cx:cancel_scheduled:bound', TENTH)} by the bound, usual are at most {of('cx:cancel_scheduled:usual', TENTH)})"
        ),
        description="Notices come in far faster than churns of the month and standing notices explain: time is left to act.",
    ),
)

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
    panels=(
        Panel(
            title="Churn",
            lines=(Line(RATIO, only={"method": "cohort"}),),
            unit="percentunit",
            samples=(Line(OPENING),),
            least=0,
        ),
        Panel(title="Churns by reason", lines=(Line(REASONS, by=("reason",)),), least=0),
        Panel(title="Churns by will", lines=(Line(WILL, "voluntary:", ("voluntary",)),), least=0),
        Panel(title="Customers", lines=(Line(NOW_ACTIVE, "active"), Line(NOTICE, "leaving")), least=0),
    ),
    read=read,
    read_stock=read_stock,
    alerts=ALERTS,
    headlines=(
        Headline("Churn", RATIO, "ratio", "lower", ("cohort",), n=OPENING, over_time=WILL),
        Headline("Active customers", NOW_ACTIVE, "count", "higher"),
        Headline("Leaving scheduled", NOTICE, "count", "lower"),
    ),
)
