"""The JSON of a Grafana dashboard: its variables, and the layout of its panels."""

from collections.abc import Iterable, Iterator
from typing import Any

from stream.monitoring.dashboards.query import FILTER_LABELS, JOB, LEGEND_LABELS
from stream.monitoring.dashboards.widgets import DATASOURCE, Json

ALERTS = 'ALERTS{alertstate="firing", alertname=~"Cx.+"}'
NOTES = f"max without (instance, pod) (cx_note_timestamp_seconds{{{JOB}}} @ end()) * 1000"
"""The times of notes in ms. Of notes that were edited or deleted Prometheus keeps the past, which `@ end()` leaves out."""


def dashboard(name: str, panels: Iterable[Json], variables: Iterable[Json]) -> Json:
    """Return a dashboard in the classic schema, which Grafana 10 to 13 read."""
    return {
        "id": None,
        "uid": f"cxgauge-{name}",
        "title": f"cxgauge / {name.capitalize()}",
        "tags": ["cxgauge"],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "links": [_link()],
        "annotations": {"list": [_annotation("Firing alerts", "red", ALERTS, "{{alertname}}"), _notes()]},
        "templating": {"list": [_datasource(), *variables]},
        "panels": list(_laid_out(panels)),
    }


def of_view(anchor: str) -> Iterator[Json]:
    """Yield the variables for job, window, view and label values.

    `anchor` is a regular expression of families that always have series in the view `total`.
    """
    yield query_variable("job", "label_values(cx_partitions_expected, job)")
    series = f'__name__=~"{anchor}", {JOB}'
    yield query_variable("window", f'label_values({{{series}, view="total", window!=""}}, window)', "7d")
    yield query_variable("view", f"label_values({{{series}}}, view)", "total")
    for label in FILTER_LABELS:
        yield query_variable(label, f'label_values({{{series}, view="$view"}}, {label})', multiple=True)


def query_variable(name: str, query: str, default: str = "", *, multiple: bool = False) -> Json:
    """Return a variable whose values come from a query.

    A variable of multiple values begins as "All", which also matches series without the label. Another one begins
    as `default`, or as the first value if that is empty.
    """
    more: Json = {}
    if multiple:
        more = {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"], "selected": True}}
    elif default:
        more = {"current": {"text": default, "value": default, "selected": True}}
    return {
        "type": "query",
        "name": name,
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": name},
        "refresh": 2,
        "sort": 3 if name == "window" else 1,
        "includeAll": multiple,
        "multi": multiple,
        **more,
    }


def _datasource() -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "query": "prometheus",
        "includeAll": False,
        "multi": False,
    }


def _annotation(name: str, colour: str, expr: str, title: str) -> Json:
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expr,
        "titleFormat": title,
        "step": "60s",
    }


def _notes() -> Json:
    """Return the annotation of notes, at the time that is their value, with their dimensions as tags."""
    return _annotation("Notes", "purple", NOTES, "{{text}}") | {
        "useValueForTime": True,
        "tagKeys": ",".join(LEGEND_LABELS),
    }


def _link() -> Json:
    return {
        "type": "dashboards",
        "title": "cxgauge",
        "icon": "external link",
        "tooltip": "",
        "tags": ["cxgauge"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }


def _laid_out(panels: Iterable[Json]) -> Iterator[Json]:
    """Yield the panels with ID and position. They fill rows of 24 columns from left to right."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        size: dict[str, Any] = panel["gridPos"]
        if x + size["w"] > 24:
            x, y, height = 0, y + height, 0
        yield {"id": number, **panel, "gridPos": {"x": x, "y": y, **size}}
        x, height = x + size["w"], max(height, size["h"])
