"""Alert rules about customers who leave."""

from stream.core.detection.leaving import LEVEL
from stream.core.detection.streams import LEAVING_CUSTOMERS, PAYMENT_CHURN
from stream.core.metrics.churn import NOW_ACTIVE
from stream.monitoring.alerts.annotations import OF, Present, lookup
from stream.monitoring.alerts.patterns import Texts, limit_of, unusual
from stream.monitoring.alerts.rule import AlertRule

PAYMENT_SHARE = 1.0
_leaving = Texts(LEAVING_CUSTOMERS.of, limit_of(LEVEL))
_payments = Texts(PAYMENT_CHURN.of, limit_of(PAYMENT_SHARE))

RULES: tuple[AlertRule, ...] = (
    unusual(
        LEAVING_CUSTOMERS,
        name="CxLeavingSpike",
        severity="critical",
        domain="customers",
        share=LEVEL,
        keep_firing_for="4m",
        sample_size=NOW_ACTIVE.name,
        summary=(
            f"{_leaving.events} of {lookup('cx:leaving:sample_size')} customers{OF} left {_leaving.last} "
            f"(baseline: at most {_leaving.baseline}){_leaving.more}"
        ),
        present=Present(
            'cx_leaving_customers{window="5m",%s}',
            "{figure} customers{of} left in the last 5 minutes",
        ),
        description=(
            "Customers give notice or leave without one, far faster than at this hour of the past five weeks. Some of them can still be "
            "retained."
        ),
    ),
    unusual(
        PAYMENT_CHURN,
        name="CxPaymentChurn",
        severity="warning",
        domain="customers",
        share=PAYMENT_SHARE,
        keep_firing_for="4m",
        summary=(
            f"{_payments.events} customers{OF} were lost against their will, by failed payments for example, {_payments.last} "
            f"(baseline: at most {_payments.baseline}){_payments.more}"
        ),
        present=Present(
            'cx_churned_voluntary_customers{voluntary="false",window="1h",%s}',
            "{figure} customers{of} were lost against their will in the last hour",
        ),
        description=(
            "More involuntary churns than at these hours of the past five weeks, and than at the same time of last month."
        ),
    ),
)
