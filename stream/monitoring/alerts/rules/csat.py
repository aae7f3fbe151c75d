"""Alert rules about the Customer Satisfaction Score."""

from stream.core.detection.streams import CSAT_ANSWERS
from stream.core.metrics.csat import RATIO, RESPONSES
from stream.monitoring.alerts.annotations import (
    NOT_BELOW,
    OF,
    PERCENT,
    Present,
    annotation,
    kept_firing,
    lookup,
    value,
)
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.promql import Z, all_of, complete, target_of, wilson_high
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

SHARE = 0.35
_drop = Texts(CSAT_ANSWERS.of, limit_of(SHARE))
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


_WEEK = (
    f"CSAT{OF} is {{figure}} of {lookup('cx:csat_target:sample_size')} answers in the last 7 days "
    f"(target: {lookup('cx:csat_target:baseline', PERCENT)})"
)

RULES: tuple[AlertRule, ...] = (
    unusual(
        CSAT_ANSWERS,
        name="CxCsatDrop",
        severity="warning",
        domain="feedback",
        share=SHARE,
        keep_firing_for="6h",
        summary=(
            f"{_drop.events} unsatisfied customers{OF} in CSAT surveys {_drop.last} "
            f"(baseline: at most {_drop.baseline}){_drop.more}"
        ),
        present=Present(
            'cx_csat_ratio{window="24h",%s}',
            "CSAT{of} is {figure} in the last 24 hours",
            PERCENT,
        ),
        description="The CSAT is below that of the 30 days before, by more than days differ. A few bad answers by chance do not cause this.",
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
        summary=_WEEK.replace("{figure}", value(PERCENT)),
        kept=kept_firing(Present("cx:csat_target:value{%s}", _WEEK, PERCENT), NOT_BELOW),
        description=annotation(
            "It fires while the upper bound of the week's share of satisfied answers is below the target. The bound is "
            f"{lookup('cx:csat_target:bound', PERCENT)}."
        ),
    ),
)
