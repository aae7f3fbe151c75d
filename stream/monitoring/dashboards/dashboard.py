"""A dashboard of Grafana: its variables, and its panels laid out from left to right."""

from collections.abc import Iterable, Iterator
from typing import Any

from stream.monitoring.dashboards.query import CHOSEN, JOB
from stream.monitoring.dashboards.widgets import DATASOURCE, Json

ALERTS = 'ALERTS{alertstate="firing", alertname=~"Cx.+"}'


def dashboard(name: str, panels: Iterable[Json], variables: Iterable[Json]) -> Json:
    """The whole of it, in the classic form, which Grafana 10 to 13 read."""
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
        "annotations": {"list": [_annotation()]},
        "templating": {"list": [_datasource(), *variables]},
        "panels": list(_placed(panels)),
    }


def of_view(anchor: str) -> Iterator[Json]:
    """Variables that choose job, window, view and label sets; `anchor`: a selector's families, always there in `total`."""
    yield query_variable("job", "label_values(cx_partitions_expected, job)")
    series = f'__name__=~"{anchor}", {JOB}'
    yield query_variable("window", f'label_values({{{series}, view="total", window!=""}}, window)', "7d")
    yield query_variable("view", f"label_values({{{series}}}, view)", "total")
    for label in CHOSEN:
        yield query_variable(label, f'label_values({{{series}, view="$view"}}, {label})', several=True)


def query_variable(name: str, query: str, first: str = "", *, several: bool = False) -> Json:
    """One whose values are looked up; of `several` all are chosen at first, which matches also what has no such label."""
    more: Json = {}
    if several:
        more = {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"], "selected": True}}
    elif first:
        more = {"current": {"text": first, "value": first, "selected": True}}
    return {
        "type": "query",
        "name": name,
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": name},
        "refresh": 2,
        "sort": 3 if name == "window" else 1,
        "includeAll": several,
        "multi": several,
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


def _annotation() -> Json:
    return {
        "name": "Firing alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": ALERTS,
        "titleFormat": "{{alertname}}",
        "step": "60s",
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


def _placed(panels: Iterable[Json]) -> Iterator[Json]:
    """Each with its id and place: a new line begins where one does not fit or is a heading."""
    x = y = height = 0
    for number, each in enumerate(panels, 1):
        size: dict[str, Any] = each["gridPos"]
        if x + size["w"] > 24:
            x, y, height = 0, y + height, 0
        yield {"id": number, **each, "gridPos": {"x": x, "y": y, **size}}
        x, height = x + size["w"], max(height, size["h"])
