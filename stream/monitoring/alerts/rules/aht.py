"""Alert rules about the average handle time of interactions."""

from stream.core.metrics.aht import COUNT, MEAN, SECONDS
from stream.monitoring.alerts.annotations import DURATION, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

TIMES = Threshold("handle_time_times", 1.2, "Alert when the mean handle time is this many times its baseline")
MIN_SAMPLES = Threshold(
    "handled_interactions", 30, "Minimum number of handled interactions a day for an alert"
)


def _quantile(quantile: str) -> str:
    return f'sum without (quantile) ({SECONDS.name}{{window="24h",quantile="{quantile}"}})'


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxHandleTimeRise",
        severity="warning",
        domain="tickets",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            RecordingRule("cx:handle_time:value", complete(f'{MEAN.name}{{window="24h"}}')),
            RecordingRule("cx:handle_time:sample_size", complete(f'{COUNT.name}{{window="24h"}}')),
            # Squared coefficient of variation, if handle times are log-normal: p90 is then 1.2816 deviations above p50.
            RecordingRule(
                "cx:handle_time:spread",
                complete(f"exp((ln({_quantile('0.9')} / {_quantile('0.5')}) / 1.2816) ^ 2) - 1"),
            ),
            RecordingRule(
                "cx:handle_time:bound",
                f"cx:handle_time:value * exp(-{Z} * sqrt(cx:handle_time:spread / cx:handle_time:sample_size))",
            ),
            RecordingRule("cx:handle_time:baseline", complete(f'{MEAN.name}{{window="30d"}}')),
        ),
        expr=all_of(
            "cx:handle_time:value",
            f"cx:handle_time:bound > {TIMES} * cx:handle_time:baseline",
            f"cx:handle_time:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, TIMES, MIN_SAMPLES),
        summary=annotation(
            f"{lookup('cx:handle_time:sample_size')} interactions{WHERE} within a day took {value(DURATION)} on average (at least "
            f"{lookup('cx:handle_time:bound', DURATION)} by the bound, baseline: {lookup('cx:handle_time:baseline', DURATION)})"
        ),
        description="The mean handle time of the day exceeds that of the month by more than the spread of handle times explains.",
    ),
)
