"""The JSON of Grafana panels."""

from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
HIDDEN = ("Time", "job", "view", "window", "namespace", "service", "endpoint", "container", "prometheus")
"""Columns that are equal in all rows of a table of one job, view and window."""


class Query(NamedTuple):
    """An expression with the legend of its series. `unit` is empty if it is that of the panel."""

    expr: str
    legend: str
    unit: str = ""


class PanelStyle(NamedTuple):
    """Title, description, unit and axis range of a panel. `min` and `max` are None for an automatic range."""

    title: str
    text: str
    unit: str = "none"
    min: float | None = None
    max: float | None = None


class Link(NamedTuple):
    """A link of values. The URL may contain variables of the dashboard."""

    title: str
    url: str
    targetBlank: bool = True  # noqa: N815 - Grafana's name


def targets(queries: Iterable[Query], **more: Any) -> list[Json]:
    """Return the targets of queries, with the reference IDs A, B and so on."""
    return [
        {"refId": ref, "datasource": DATASOURCE, "expr": query.expr, "legendFormat": query.legend, **more}
        for ref, query in zip(ascii_uppercase, queries, strict=False)
    ]


def panel(kind: str, style: PanelStyle, width: int, height: int, **more: Any) -> Json:
    """Return a panel without ID and position, which `dashboard` adds."""
    return {
        "type": kind,
        "title": style.title,
        "description": style.text,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height},
        **more,
    }


def row(title: str) -> Json:
    """Return a row, which is a heading."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": 24, "h": 1}}


def chart(
    style: PanelStyle,
    queries: Iterable[Query],
    *,
    width: int = 12,
    band: tuple[Query, Query] | None = None,
    references: Sequence[Query] = (),
    bars: bool = False,
) -> Json:
    """Return a panel of lines or bars over time.

    A band is drawn between the two queries of `band`, None for no band. The lines of `references` are thin and dashed.
    """
    custom = {"drawStyle": "bars", "fillOpacity": 40, "lineWidth": 0} if bars else {"lineWidth": 2}
    shown = [*queries, *(band or ()), *references]
    dashed = ascii_uppercase[len(shown) - len(references) : len(shown)]
    return panel(
        "timeseries",
        style,
        width,
        8,
        targets=targets(shown, range=True),
        fieldConfig={
            "defaults": _defaults(style) | {"custom": {"showPoints": "never", **custom}},
            "overrides": [*(_banded(*band) if band else []), *map(_dashed, dashed)],
        },
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def _banded(low: Query, high: Query) -> list[Json]:
    """Return overrides that hide the lines of two bounds and fill the space between them."""
    hidden: Json = {"id": "custom.lineWidth", "value": 0}
    fill_to: Json = {"id": "custom.fillBelowTo", "value": low.legend}
    opacity: Json = {"id": "custom.fillOpacity", "value": 20}
    return [
        _override("byName", low.legend, hidden),
        _override("byName", high.legend, hidden, fill_to, opacity),
    ]


def _dashed(ref: str) -> Json:
    thin: Json = {"id": "custom.lineWidth", "value": 1}
    dashes: Json = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}
    return _override("byFrameRefID", ref, thin, dashes)


def stat(
    style: PanelStyle, queries: Iterable[Query], *, width: int = 6, height: int = 4, link: Link | None = None
) -> Json:
    """Return a panel of present values side by side, each with its name. A click on a value opens the link."""
    shown = list(queries)
    return panel(
        "stat",
        style,
        width,
        height,
        targets=targets(shown, instant=True),
        fieldConfig={
            "defaults": _defaults(style) | ({"links": [link._asdict()]} if link else {}),
            "overrides": _units("byFrameRefID", zip(ascii_uppercase, shown, strict=False)),
        },
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "value_and_name",
            "colorMode": "none",
            "graphMode": "none",
            "orientation": "auto",
            "justifyMode": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        },
    )


def table(style: PanelStyle, queries: Iterable[Query], *, width: int = 8, height: int = 8) -> Json:
    """Return a table of present values, with a row for each label set and a column for each query."""
    shown = list(queries)
    names = {f"Value #{ref}": query.legend for ref, query in zip(ascii_uppercase, shown, strict=False)}
    return panel(
        "table",
        style,
        width,
        height,
        targets=targets(shown, instant=True, format="table"),
        fieldConfig={
            "defaults": _defaults(style),
            "overrides": _units("byName", ((query.legend, query) for query in shown)),
        },
        options={"showHeader": True, "frameIndex": 0},
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {"excludeByName": dict.fromkeys(HIDDEN, True), "renameByName": names},
            },
        ],
    )


def _defaults(style: PanelStyle) -> Json:
    limits: Mapping[str, float | None] = {"min": style.min, "max": style.max}
    return {"unit": style.unit, "noValue": "-"} | {
        name: limit for name, limit in limits.items() if limit is not None
    }


def _units(matcher: str, queries: Iterable[tuple[str, Query]]) -> list[Json]:
    """Return overrides for the queries with a unit of their own."""
    return [
        _override(matcher, option, {"id": "unit", "value": query.unit})
        for option, query in queries
        if query.unit
    ]


def _override(matcher: str, option: str, *properties: Json) -> Json:
    return {"matcher": {"id": matcher, "options": option}, "properties": list(properties)}
