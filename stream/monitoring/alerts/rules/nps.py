"""Alert rules about the Net Promoter Score."""

from stream.core.detection.streams import NPS_ANSWERS
from stream.core.metrics.nps import HIGH, LOW, RESPONSES, SCORE
from stream.monitoring.alerts.annotations import (
    NOT_BELOW,
    OF,
    TENTH,
    Present,
    annotation,
    kept_firing,
    lookup,
    value,
)
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.promql import Z, all_of, complete, target_of
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

SHARE = 0.35
_drop = Texts(NPS_ANSWERS.of, limit_of(SHARE))
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


_WEEK = (
    f"NPS{OF} is {{figure}} of {lookup('cx:nps_target:sample_size')} answers in the last 7 days "
    f"(target: {lookup('cx:nps_target:baseline', TENTH)})"
)

RULES: tuple[AlertRule, ...] = (
    unusual(
        NPS_ANSWERS,
        name="CxNpsDrop",
        severity="warning",
        domain="feedback",
        share=SHARE,
        keep_firing_for="6h",
        summary=(
            f"{_drop.events} detractors{OF} in NPS surveys {_drop.last} "
            f"(baseline: at most {_drop.baseline}){_drop.more}"
        ),
        present=Present(
            'cx_nps_score{window="24h",%s}',
            "NPS{of} is {figure} in the last 24 hours",
            TENTH,
        ),
        description="The NPS is below that of the 30 days before, by more than days differ. A few bad answers by chance do not cause this.",
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
        summary=_WEEK.replace("{figure}", value(TENTH)),
        kept=kept_firing(Present("cx:nps_target:value{%s}", _WEEK, TENTH), NOT_BELOW),
        description=annotation(
            f"It fires while the upper bound of the week's score is below the target. The bound is {lookup('cx:nps_target:bound', TENTH)}."
        ),
    ),
)
