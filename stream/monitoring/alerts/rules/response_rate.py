"""Alert rules about answers that stay away."""

from stream.core.detection.streams import ANSWERS_MISSING
from stream.monitoring.alerts.annotations import OF, WHOLE, Present, lookup
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.rule import AlertRule

SHARE = 0.25
_missing = Texts(ANSWERS_MISSING.of, limit_of(SHARE))

RULES: tuple[AlertRule, ...] = (
    unusual(
        ANSWERS_MISSING,
        name="CxAnswersMissing",
        severity="warning",
        domain="feedback",
        share=SHARE,
        keep_firing_for="1h",
        summary=(
            f"Only {_missing.events} NPS, CSAT and CES answers{OF} {_missing.last} "
            f"(baseline: {lookup('cx:answers_missing:baseline', WHOLE)}){_missing.more}"
        ),
        present=Present(
            'sum without (category, satisfied, easy) ({__name__=~"cx_(nps|csat|ces)_responses",window="1h",%s})',
            "{figure} NPS, CSAT and CES answers{of} in the last hour",
        ),
        description=(
            "Less than half of the answers of these hours of the past five weeks. Customers do not answer surveys, or cannot, or answers "
            "are not published."
        ),
    ),
)
