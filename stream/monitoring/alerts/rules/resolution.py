"""Alert rules about reopened tickets."""

from stream.core.detection.streams import REOPENINGS
from stream.monitoring.alerts.annotations import OF, Present
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.rule import AlertRule

SHARE = 2.0
_reopened = Texts(REOPENINGS.of, limit_of(SHARE))

RULES: tuple[AlertRule, ...] = (
    unusual(
        REOPENINGS,
        name="CxReopenRise",
        severity="warning",
        domain="tickets",
        share=SHARE,
        keep_firing_for="4m",
        summary=(
            f"{_reopened.events} solved tickets{OF} were reopened {_reopened.last} "
            f"(baseline: at most {_reopened.baseline}){_reopened.more}"
        ),
        present=Present(
            'cx_reopenings{window="1h",%s}',
            "{figure} solved tickets{of} were reopened in the last hour",
        ),
        description="More tickets are reopened than in the past five weeks. They were closed, but not resolved.",
    ),
)
