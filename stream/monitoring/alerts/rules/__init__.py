"""The alert rules, one file for each metric and one for the pipeline."""

from stream.monitoring.alerts.rule import AlertRule
from stream.monitoring.alerts.rules import (
    aht,
    churn,
    csat,
    first_response,
    nps,
    pipeline,
    resolution,
    response_rate,
    waiting,
)

BY_METRIC: dict[str, tuple[AlertRule, ...]] = {
    "nps": nps.RULES,
    "csat": csat.RULES,
    "response_rate": response_rate.RULES,
    "first_response": first_response.RULES,
    "waiting": waiting.RULES,
    "resolution": resolution.RULES,
    "aht": aht.RULES,
    "churn": churn.RULES,
}
"""Rules by the name of their metric, in the order of the generated files."""
PIPELINE = pipeline.PIPELINE
