"""Alert rules about the survey response rate."""

from stream.core.metrics.metric import Family
from stream.core.metrics.response_rate import COUNTS, RATIO
from stream.core.model.aggregates.feedback import ResponseLayout
from stream.monitoring.alerts.annotations import PERCENT, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, wilson_high, wilson_low
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

SHARE = Threshold(
    "response_rate_share",
    0.5,
    "Alert when the response rate is below this share of its baseline: the latest offers may still be answered",
)
MIN_SAMPLES = Threshold("response_rate_offers", 30, "Minimum number of offers a day for an alert")


def _before(family: Family) -> str:
    """Return the count of a family in the month without its last day."""
    return complete(f'({family.name}{{window="30d"}} - ignoring (window) {family.name}{{window="24h"}})')


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxResponseRateFall",
        severity="warning",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            RecordingRule("cx:response_rate:value", complete(f'{RATIO.name}{{window="24h"}}')),
            RecordingRule(
                "cx:response_rate:sample_size",
                complete(f'{COUNTS[ResponseLayout.OFFERED].name}{{window="24h"}}'),
            ),
            RecordingRule(
                "cx:response_rate:bound",
                wilson_high("cx:response_rate:value", "cx:response_rate:sample_size"),
            ),
            RecordingRule("cx:response_rate:offered", _before(COUNTS[ResponseLayout.OFFERED])),
            RecordingRule(
                "cx:response_rate:past",
                f"{_before(COUNTS[ResponseLayout.ANSWERED])} / cx:response_rate:offered",
            ),
            RecordingRule(
                "cx:response_rate:baseline", wilson_low("cx:response_rate:past", "cx:response_rate:offered")
            ),
        ),
        expr=all_of(
            "cx:response_rate:value",
            f"cx:response_rate:bound < {SHARE} * cx:response_rate:baseline",
            f"cx:response_rate:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, SHARE, MIN_SAMPLES),
        summary=annotation(
            f"{value(PERCENT)} of {lookup('cx:response_rate:sample_size')} surveys{WHERE} offered within a day were answered (at most "
            f"{lookup('cx:response_rate:bound', PERCENT)} by the bound, baseline: at least {lookup('cx:response_rate:baseline', PERCENT)})"
        ),
        description="Customers do not answer surveys, or cannot. All scores have smaller samples than before.",
    ),
)
