"""Alert rules about contact cycles whose target passes."""

from stream.core.detection.streams import ANSWERS_LATE
from stream.monitoring.alerts.annotations import OF, Present
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.rule import AlertRule

SHARE = 0.25
_late = Texts(ANSWERS_LATE.of, limit_of(SHARE))

RULES: tuple[AlertRule, ...] = (
    unusual(
        ANSWERS_LATE,
        name="CxAnswersLate",
        severity="critical",
        domain="tickets",
        share=SHARE,
        keep_firing_for="4m",
        summary=(
            f"The target of {_late.events} tickets{OF} passed without an answer {_late.last} "
            f"(baseline: at most {_late.baseline}){_late.more}"
        ),
        present=Present(
            'cx_contact_cycles_due{fate="overdue",window="5m",%s}',
            "The target of {figure} tickets{of} passed without an answer in the last 5 minutes",
        ),
        description=(
            "The share of first answers that are late exceeds that of these hours of the past five weeks. Targets in business hours are "
            "judged in them."
        ),
    ),
)
