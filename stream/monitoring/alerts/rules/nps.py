"""Alert rules about the Net Promoter Score."""

from stream.core.metrics.nps import HIGH, LOW, RESPONSES, SCORE
from stream.monitoring.alerts.annotations import TENTH, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, target_of
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

DROP = Threshold("nps_drop", 5, "Ignore drops of up to this many NPS points below the baseline")
MIN_SAMPLES = Threshold("nps_responses", 30, "Minimum number of NPS answers for an alert")


def _records(rule: str, window: str) -> tuple[RecordingRule, ...]:
    """Return the rules of value, sample size and bound.

    The exposed upper bound is 1.96 standard deviations away. It is rescaled to the threshold `z`.
    """
    low, high = (f'{family.name}{{window="{window}"}}' for family in (LOW, HIGH))
    return (
        RecordingRule(f"{rule}:value", complete(f'{SCORE.name}{{window="{window}"}}')),
        RecordingRule(
            f"{rule}:sample_size", complete(f'sum without (category) ({RESPONSES.name}{{window="{window}"}})')
        ),
        RecordingRule(
            f"{rule}:bound", complete(f"(({high} + {low}) / 2 + ({high} - {low}) / 2 * {Z} / 1.96)")
        ),
    )


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxNpsDrop",
        severity="warning",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            *_records("cx:nps_drop", "24h"),
            RecordingRule("cx:nps_drop:baseline", complete(f'{LOW.name}{{window="30d"}}')),
        ),
        expr=all_of(
            "cx:nps_drop:value",
            f"cx:nps_drop:bound < cx:nps_drop:baseline - {DROP}",
            f"cx:nps_drop:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, DROP, MIN_SAMPLES),
        summary=annotation(
            f"NPS{WHERE} is {value(TENTH)} of {lookup('cx:nps_drop:sample_size')} answers within a day (at most "
            f"{lookup('cx:nps_drop:bound', TENTH)} by the bound, baseline: at least {lookup('cx:nps_drop:baseline', TENTH)})"
        ),
        description="The upper bound of the day is below the lower bound of the month. A few bad answers by chance do not cause this.",
    ),
    AlertRule(
        name="CxNpsBelowTarget",
        severity="warning",
        domain="feedback",
        window="7d",
        for_="15m",
        keep_firing_for="6h",
        records=(
            *_records("cx:nps_target", "7d"),
            RecordingRule("cx:nps_target:baseline", target_of(SCORE.name, "cx:nps_target")),
        ),
        expr=all_of(
            "cx:nps_target:value",
            "cx:nps_target:bound < cx:nps_target:baseline",
            f"cx:nps_target:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, MIN_SAMPLES),
        summary=annotation(
            f"NPS{WHERE} is {value(TENTH)} of {lookup('cx:nps_target:sample_size')} answers within a week (at most "
            f"{lookup('cx:nps_target:bound', TENTH)} by the bound, target: "
            f"{lookup('cx:nps_target:baseline', TENTH)})"
        ),
        description="The upper bound of the week is below the target that the setting targets has.",
    ),
)
