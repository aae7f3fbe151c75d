"""Alert rules about reopened tickets."""

from stream.core.metrics.resolution import REOPENED, RESOLVED
from stream.monitoring.alerts.annotations import TENTH, WHERE, annotation, lookup, value
from stream.monitoring.alerts.patterns import rise
from stream.monitoring.alerts.promql import Z, all_of
from stream.monitoring.alerts.rule import AlertRule, Threshold

TIMES = Threshold(
    "reopening_times", 1.5, "Alert when the share of reopened solves is this many times its baseline"
)
MIN_SAMPLES = Threshold("reopening_solves", 30, "Minimum number of solves a day for an alert")


def _reopened(window: str) -> str:
    return f'{REOPENED.name}{{window="{window}"}}'


def _solved(window: str) -> str:
    return f'sum without (stage) ({RESOLVED.name}{{stage="first",window="{window}"}})'


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxReopenRise",
        severity="warning",
        domain="tickets",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=rise(
            "cx:reopen_rise",
            "24h",
            count=_reopened,
            base=_solved,
            exposures={"30d": f"({_solved('30d')} - ignoring (window) {_solved('24h')})"},
        ),
        expr=all_of(
            "cx:reopen_rise:value",
            f"cx:reopen_rise:bound > {TIMES} * cx:reopen_rise:baseline",
            f"cx:reopen_rise:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, TIMES, MIN_SAMPLES),
        summary=annotation(
            f"{value()} reopenings on {lookup('cx:reopen_rise:sample_size')} solves{WHERE} within a day (at least "
            f"{lookup('cx:reopen_rise:bound', TENTH)} by the bound, baseline: at most {lookup('cx:reopen_rise:baseline', TENTH)})"
        ),
        description="The share of solved tickets that are reopened exceeds that of the past month. They were closed, but not resolved.",
    ),
)
