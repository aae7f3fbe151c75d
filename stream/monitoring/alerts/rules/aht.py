"""Alert rules about the handle time of interactions."""

from stream.core.detection.streams import HANDLE_TIME
from stream.monitoring.alerts.annotations import DURATION, OF, Present, lookup
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.rule import AlertRule

SHARE = 0.125
_handled = Texts(HANDLE_TIME.of, limit_of(SHARE))

RULES: tuple[AlertRule, ...] = (
    unusual(
        HANDLE_TIME,
        name="CxHandleTimeRise",
        severity="warning",
        domain="tickets",
        share=SHARE,
        keep_firing_for="6h",
        summary=(
            f"A typical interaction{OF} took {lookup('cx:handle_time:events', DURATION)} {_handled.last} "
            f"(baseline: {lookup('cx:handle_time:baseline', DURATION)}){_handled.more}"
        ),
        present=Present(
            'cx_handle_mean_seconds{window="24h",%s}',
            "An interaction{of} took {figure} on average in the last 24 hours",
            DURATION,
        ),
        description=(
            "The geometric mean of the handle times exceeds that of the 30 days before by more than days and hours differ."
        ),
    ),
)
