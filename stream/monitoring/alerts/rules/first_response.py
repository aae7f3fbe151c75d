"""Alert rules about the first response time of contact cycles."""

from stream.core.metrics.first_response import COUNT, RATIO, SECONDS
from stream.monitoring.alerts.annotations import DURATION, PERCENT, WHERE, annotation, lookup, value
from stream.monitoring.alerts.promql import Z, all_of, complete, wilson_high
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

OBJECTIVE = Threshold(
    "first_response_objective",
    0.9,
    "Alert when less than this share of first responses is within target: 0.9 is the p90",
)
MIN_SAMPLES = Threshold("first_responses", 20, "Minimum number of first responses an hour for an alert")
P90 = 'window="1h",quantile="0.9"'

RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxFirstResponseSlow",
        severity="critical",
        domain="tickets",
        window="1h",
        for_="30s",
        keep_firing_for="15m",
        records=(
            RecordingRule("cx:first_response:value", complete(f'{RATIO.name}{{window="1h"}}')),
            RecordingRule("cx:first_response:sample_size", complete(f'{COUNT.name}{{window="1h"}}')),
            RecordingRule(
                "cx:first_response:bound",
                wilson_high("cx:first_response:value", "cx:first_response:sample_size"),
            ),
        ),
        expr=all_of(
            "cx:first_response:value",
            f"cx:first_response:bound < {OBJECTIVE}",
            f"cx:first_response:sample_size >= {MIN_SAMPLES}",
        ),
        thresholds=(Z, OBJECTIVE, MIN_SAMPLES),
        summary=annotation(
            f"The p90 of {lookup('cx:first_response:sample_size')} first responses{WHERE} within an hour is over target: "
            f"{lookup(SECONDS.name, DURATION, P90)}; {value(PERCENT)} were in time "
            f"(at most {lookup('cx:first_response:bound', PERCENT)} by the bound, objective: "
            f"{lookup('cx:threshold:first_response_objective', PERCENT, labels=False)})"
        ),
        description="The share of first responses within the target of their channel and priority is below the objective.",
    ),
)
