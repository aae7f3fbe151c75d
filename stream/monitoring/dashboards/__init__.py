"""Grafana dashboards, generated from the registry of metrics."""

import json
from collections.abc import Iterator

from stream.core.metrics import BY_DOMAIN
from stream.monitoring.dashboards import lead, metric_panels, pipeline
from stream.monitoring.dashboards.dashboard import dashboard, of_view
from stream.monitoring.dashboards.widgets import Json, row

FOLDER = "deploy/grafana/dashboards"
ANCHORS = {
    "feedback": "cx_(nps|csat|ces)_responses|cx_survey_offered",
    "tickets": "cx_(open|waiting)_tickets|cx_first_responses|cx_handled_interactions",
    "customers": "cx_(opening|active)_customers|cx_referrers",
}
"""Regular expressions of families that have series for every label set of their domain."""


def documents() -> dict[str, bytes]:
    """Return the content of every dashboard by its path from the project's root."""
    return {
        f"{FOLDER}/{content['uid'].removeprefix('cxgauge-')}.json": json.dumps(content, indent=1).encode()
        + b"\n"
        for content in dashboards()
    }


def dashboards() -> Iterator[Json]:
    """Yield the lead's dashboard, the overview, a dashboard for each domain, and the dashboard of the pipeline."""
    yield dashboard("lead", lead.panels(), [*of_view("|".join(ANCHORS.values())), lead.PAGE])
    yield dashboard("overview", _overview(), of_view("|".join(ANCHORS.values())))
    for domain, metrics in BY_DOMAIN.items():
        yield dashboard(domain, metric_panels.domain(metrics), of_view(ANCHORS[domain]))
    yield dashboard("pipeline", pipeline.panels(), pipeline.variables())


def _overview() -> Iterator[Json]:
    yield from pipeline.health()
    for domain, metrics in BY_DOMAIN.items():
        yield row(domain.capitalize())
        yield from metric_panels.headlines(metrics)
