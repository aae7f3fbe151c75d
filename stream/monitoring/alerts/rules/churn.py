"""Alert rules about customer churn."""

from stream.core.metrics.churn import CANCEL_SCHEDULED, NOW_ACTIVE, OPENING, VOLUNTARY_CHURNS
from stream.monitoring.alerts.annotations import TENTH, WHERE, annotation, lookup, value
from stream.monitoring.alerts.patterns import has_history, rise
from stream.monitoring.alerts.promql import (
    INSTALLATION_LABELS,
    Z,
    all_of,
    complete,
    larger,
    poisson_high,
    poisson_low,
)
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

SPIKE = Threshold(
    "churn_spike_times",
    3,
    "Alert when an hour has this many times the churns of the baseline: more than a busy hour of the day",
)
RISE = Threshold(
    "churn_rise_times",
    2,
    "Alert when a day has this many times the churns of the baseline: more than a busy day of the week",
)
NOTICES = Threshold(
    "cancel_scheduled_times", 3, "Alert when an hour has this many times the notices of the baseline"
)
MIN_CUSTOMERS = Threshold(
    "churn_customers", 30, "Minimum number of customers at the window's start for an alert"
)


def _churns(window: str) -> str:
    return f'sum without (voluntary) ({VOLUNTARY_CHURNS.name}{{window="{window}"}})'


def _opening(window: str) -> str:
    return f'{OPENING.name}{{window="{window}"}}'


def _summary(rule: str, event: str) -> str:
    return annotation(
        f"{value()} of {lookup(f'{rule}:sample_size')} customers{WHERE} {event} "
        f"(at least {lookup(f'{rule}:bound', TENTH)} by the bound, baseline: at most {lookup(f'{rule}:baseline', TENTH)})"
    )


def _more(rule: str, times: Threshold) -> str:
    return all_of(
        f"{rule}:value", f"{rule}:bound > {times} * {rule}:baseline", f"{rule}:sample_size >= {MIN_CUSTOMERS}"
    )


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxChurnSpike",
        severity="critical",
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
        expr=all_of(_more("cx:churn_spike", SPIKE), has_history("cx:churn_spike", "7d", "24h")),
        thresholds=(Z, SPIKE, MIN_CUSTOMERS),
        summary=_summary("cx:churn_spike", "churned within an hour"),
        description="The churn rate of the hour exceeds that of the past day and week by more than chance explains.",
    ),
    AlertRule(
        name="CxChurnRise",
        severity="warning",
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
        expr=all_of(_more("cx:churn_rise", RISE), has_history("cx:churn_rise", "30d", "7d")),
        thresholds=(Z, RISE, MIN_CUSTOMERS),
        summary=_summary("cx:churn_rise", "churned within a day"),
        description="The churn rate of the day exceeds that of the past week and month by more than chance explains.",
    ),
    AlertRule(
        name="CxCancelScheduledSpike",
        severity="critical",
        domain="customers",
        for_="30s",
        keep_firing_for="15m",
        records=(
            RecordingRule("cx:cancel_scheduled:stock", complete(CANCEL_SCHEDULED.name)),
            RecordingRule("cx:cancel_scheduled:sample_size", complete(NOW_ACTIVE.name)),
            RecordingRule(
                "cx:cancel_scheduled:value",
                "cx:cancel_scheduled:stock - cx:cancel_scheduled:stock offset 1h > 0",
            ),
            RecordingRule("cx:cancel_scheduled:bound", poisson_low("cx:cancel_scheduled:value")),
            RecordingRule("cx:cancel_scheduled:churned", complete(_churns("30d"))),
            RecordingRule(
                "cx:cancel_scheduled:baseline",
                larger(
                    f"({poisson_high('cx:cancel_scheduled:churned')}) / 720",
                    "(cx:cancel_scheduled:stock offset 1h) / 168",
                ),
            ),
        ),
        expr=all_of(
            "cx:cancel_scheduled:value",
            f"cx:cancel_scheduled:bound > {NOTICES} * cx:cancel_scheduled:baseline",
            f"cx:cancel_scheduled:sample_size >= {MIN_CUSTOMERS}",
            f'on ({INSTALLATION_LABELS}) (cx:cancel_scheduled:sample_size{{view="total"}} offset 1h > 0.8 * cx:cancel_scheduled:sample_size{{view="total"}})',
        ),
        thresholds=(Z, NOTICES, MIN_CUSTOMERS),
        summary=annotation(
            f"{value()} more of {lookup('cx:cancel_scheduled:sample_size')} customers{WHERE} have a scheduled cancellation than an hour ago (at least "
            f"{lookup('cx:cancel_scheduled:bound', TENTH)} by the bound, baseline: at most {lookup('cx:cancel_scheduled:baseline', TENTH)})"
        ),
        description="More notices arrive than the churns of the month and the pending notices explain. These customers have not left yet.",
    ),
)
