"""Every metric, by name. A new metric needs its own file, a test and a line here."""

from collections.abc import Iterable

from stream.core.metrics import (
    aht,
    business_hours,
    ces,
    churn,
    clv,
    contact_cycles,
    csat,
    exit_reasons,
    fcr,
    first_response,
    handoff,
    inflow,
    leaving,
    loyalty,
    next_response,
    nps,
    queue,
    reasons,
    referral,
    resolution,
    response_rate,
    retention,
    ticket_satisfaction,
    wait_by_status,
    waiting,
)
from stream.core.metrics.metric import Metric
from stream.core.model.aggregate import by_name
from stream.core.model.aggregates import AGGREGATES

FEEDBACK: tuple[Metric, ...] = (nps.METRIC, csat.METRIC, ces.METRIC, response_rate.METRIC, reasons.METRIC)
TICKETS: tuple[Metric, ...] = (
    first_response.METRIC,
    waiting.METRIC,
    contact_cycles.METRIC,
    next_response.METRIC,
    wait_by_status.METRIC,
    resolution.METRIC,
    handoff.METRIC,
    business_hours.METRIC,
    inflow.METRIC,
    aht.METRIC,
    queue.METRIC,
)
CUSTOMERS: tuple[Metric, ...] = (
    fcr.METRIC,
    churn.METRIC,
    leaving.METRIC,
    retention.METRIC,
    clv.METRIC,
    referral.METRIC,
    loyalty.METRIC,
    ticket_satisfaction.METRIC,
    exit_reasons.METRIC,
)

BY_DOMAIN = {"feedback": FEEDBACK, "tickets": TICKETS, "customers": CUSTOMERS}
REGISTRY: dict[str, Metric] = {metric.name: metric for metrics in BY_DOMAIN.values() for metric in metrics}


def check_aggregates(metrics: Iterable[Metric]) -> None:
    """Check that metrics read declared aggregates only. Raise ValueError otherwise, because workers write no others."""
    read = [aggregate for metric in metrics for aggregate in metric.aggregates]
    if undeclared := by_name([*AGGREGATES.values(), *read]).keys() - AGGREGATES.keys():
        raise ValueError(
            f"aggregates {sorted(undeclared)} are read, but not declared in core/model/aggregates"
        )


check_aggregates(REGISTRY.values())
