"""Every metric, by name. To add one: its file, its test, its line here."""

from stream.core.metrics import (
    aht,
    business_hours,
    ces,
    churn,
    clv,
    csat,
    fcr,
    first_response,
    handoff,
    nps,
    reasons,
    referral,
    resolution,
    response_rate,
    retention,
    waiting,
)
from stream.core.metrics.metric import Metric

FEEDBACK: tuple[Metric, ...] = (nps.METRIC, csat.METRIC, ces.METRIC, response_rate.METRIC, reasons.METRIC)
TICKETS: tuple[Metric, ...] = (
    first_response.METRIC,
    waiting.METRIC,
    resolution.METRIC,
    handoff.METRIC,
    business_hours.METRIC,
    fcr.METRIC,
    aht.METRIC,
)
CUSTOMERS: tuple[Metric, ...] = (churn.METRIC, retention.METRIC, clv.METRIC, referral.METRIC)

BY_DOMAIN = {"feedback": FEEDBACK, "tickets": TICKETS, "customers": CUSTOMERS}
REGISTRY: dict[str, Metric] = {metric.name: metric for metrics in BY_DOMAIN.values() for metric in metrics}
