"""Alert rules about tickets that wait for a first response. They fire before the response exists."""

from stream.core.metrics.waiting import OLDEST, OVER, TICKETS
from stream.monitoring.alerts.annotations import (
    DURATION,
    OF,
    TENTH,
    Present,
    annotation,
    kept_firing,
    lookup,
    value,
)
from stream.monitoring.alerts.promql import Z, all_of, complete, larger, poisson_low, target_of
from stream.monitoring.alerts.rule import AlertRule, RecordingRule, Threshold

SHARE = Threshold(
    "waiting_share",
    0.1,
    "Ignore waiting tickets over target up to this share of the first responses of an hour, unless their number has a target",
)
MIN_SAMPLES = Threshold("waiting_tickets", 5, "Minimum number of tickets over target for an alert")
_RESPONSES = 'cx_first_responses{window="%s"}'
_ALLOWED = f"{SHARE} * ({larger(complete(_RESPONSES % '1h'), complete(_RESPONSES % '24h') + ' / 24')})"
"""Tickets over target that are allowed where there is no target for their number."""
_WAITING = f"{lookup('cx:waiting:sample_size')} tickets{OF} that wait for a first response"

RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="CxWaitingOverTarget",
        severity="critical",
        domain="tickets",
        for_="1m",
        keep_firing_for="10m",
        records=(
            RecordingRule("cx:waiting:value", complete(OVER.name)),
            RecordingRule("cx:waiting:sample_size", complete(TICKETS.name)),
            RecordingRule("cx:waiting:bound", poisson_low("cx:waiting:value")),
            RecordingRule("cx:waiting:baseline", f"{target_of(OVER.name, 'cx:waiting')}\nor\n{_ALLOWED}"),
        ),
        expr=all_of(
            "cx:waiting:value", "cx:waiting:bound > cx:waiting:baseline", f"cx:waiting:value >= {MIN_SAMPLES}"
        ),
        thresholds=(Z, SHARE, MIN_SAMPLES),
        summary=(
            f"{value()} of {_WAITING} are over target, the oldest for {lookup(OLDEST.name, DURATION)} "
            f"(allowed: {lookup('cx:waiting:baseline', TENTH)})"
        ),
        kept=kept_firing(
            Present("cx:waiting:value{%s}", f"{{figure}} of {_WAITING} are over target"),
            "no longer more than allowed",
        ),
        description=annotation(
            "Customers have waited longer than their target for a first response, and nobody has answered yet. By the lower bound at "
            f"least {lookup('cx:waiting:bound', TENTH)} tickets are over target."
        ),
    ),
)
