"""Alert rules about the Customer Satisfaction Score."""

from stream.core.metrics.csat import LOW, RATIO, RESPONSES
from stream.monitoring.alerts.annotations import PERCENT, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, target_of, wilson_high
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

DROP = Threshold(
    "csat_drop", 0.03, "Ignore drops of the satisfied share of up to this much below the baseline"
)
MIN_SAMPLES = Threshold("csat_responses", 30, "Minimum number of CSAT answers for an alert")


def _records(rule: str, window: str) -> tuple[RecordingRule, ...]:
    return (
        RecordingRule(f"{rule}:value", complete(f'{RATIO.name}{{window="{window}"}}')),
        RecordingRule(
            f"{rule}:sample_size",
            complete(f'sum without (satisfied) ({RESPONSES.name}{{window="{window}"}})'),
        ),
        RecordingRule(f"{rule}:bound", wilson_high(f"{rule}:value", f"{rule}:sample_size")),
    )


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxCsatDrop",
        severity="warning",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            *_records("cx:csat_drop", "24h"),
            RecordingRule("cx:csat_drop:baseline", complete(f'{LOW.name}{{window="30d"}}')),
        ),
        expr=all_of(
            "cx:csat_drop:value",
            f"cx:csat_drop:bound < cx:csat_drop:baseline - {DROP}",
            f"cx:csat_drop:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, DROP, MIN_SAMPLES),
        summary=annotation(
            f"CSAT{WHERE} is {value(PERCENT)} of {lookup('cx:csat_drop:sample_size')} answers within a day (at most "
            f"{lookup('cx:csat_drop:bound', PERCENT)} by the bound, baseline: at least {lookup('cx:csat_drop:baseline', PERCENT)})"
        ),
        description="The upper bound of the day is below the lower bound of the month. A few bad answers by chance do not cause this.",
    ),
    AlertRule(
        name="CxCsatBelowTarget",
        severity="warning",
        domain="feedback",
        window="7d",
        for_="15m",
        keep_firing_for="6h",
        records=(
            *_records("cx:csat_target", "7d"),
            RecordingRule("cx:csat_target:baseline", target_of(RATIO.name, "cx:csat_target")),
        ),
        expr=all_of(
            "cx:csat_target:value",
            "cx:csat_target:bound < cx:csat_target:baseline",
            f"cx:csat_target:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, MIN_SAMPLES),
        summary=annotation(
            f"CSAT{WHERE} is {value(PERCENT)} of {lookup('cx:csat_target:sample_size')} answers within a week (at most "
            f"{lookup('cx:csat_target:bound', PERCENT)} by the bound, target: "
            f"{lookup('cx:csat_target:baseline', PERCENT)})"
        ),
        description="The upper bound of the week is below the target that the setting targets has.",
    ),
)
