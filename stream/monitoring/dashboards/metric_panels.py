"""Panels about metrics: all panels of a metric on its domain's dashboard, its first one on the overview."""

from collections.abc import Iterable, Iterator, Mapping

from stream.core.metrics.metric import Line, Metric, Panel, Unit
from stream.monitoring.alerts.rules import BY_METRIC
from stream.monitoring.dashboards.query import bound, expression, largest, legend
from stream.monitoring.dashboards.references import target_and_benchmark
from stream.monitoring.dashboards.widgets import Json, PanelStyle, Query, chart, row, stat, table

LOW, HIGH, SIZE = "95 % low", "95 % high", "n"
GRAFANA_UNITS: Mapping[Unit, str] = {
    "points": "none",
    "ratio": "percentunit",
    "seconds": "s",
    "count": "none",
    "money": "none",
}
"""Grafana's name of each unit. Money is a plain number, because a panel shows several currencies."""


def domain(metrics: Iterable[Metric]) -> Iterator[Json]:
    """Yield the panels of metrics, those of each metric under a heading."""
    for metric in metrics:
        yield row(metric.title)
        for panel in metric.panels:
            yield from _panel(metric, panel)


def headlines(metrics: Iterable[Metric]) -> Iterator[Json]:
    """Yield a tile for each metric.

    A metric with sample sizes shows its first two lines, bounds and sample sizes. Another one shows all its counts,
    or the five largest of a line that is split by labels.
    """
    for metric in metrics:
        panel = metric.panels[0]
        lines = panel.lines[:2] if panel.samples else panel.lines
        values = [
            Query(
                expression(line) if panel.samples or not line.by else largest(line), legend(line, panel.title)
            )
            for line in lines
        ]
        is_split = any(line.by for line in lines)
        yield stat(_style(metric, panel), [*values, *_bounds_and_sizes(panel)], width=12 if is_split else 6)


def _panel(metric: Metric, panel: Panel) -> Iterator[Json]:
    """Yield the chart of a panel and, if it has sample sizes, a table of the present values and a chart of the sizes."""
    style = _style(metric, panel)
    lines = [Query(expression(line), legend(line, panel.title)) for line in panel.lines]
    shown = {line.family for line in panel.lines}
    references = target_and_benchmark([item for item in metric.headlines if item.family in shown])
    yield chart(style, lines, band=_band(panel), references=references)
    if panel.samples:
        yield table(style._replace(title=f"{panel.title}, now"), _table_queries(panel))
        sizes = [Query(expression(line), legend(_named(line), panel.title)) for line in panel.samples]
        yield chart(PanelStyle(f"{panel.title}, n", style.text, min=0), sizes, width=4, bars=True)


def _style(metric: Metric, panel: Panel) -> PanelStyle:
    windowed = panel.lines[0].family.windowed
    return PanelStyle(
        title=f"{panel.title} ($window)" if windowed else panel.title,
        text=description(metric),
        unit=GRAFANA_UNITS[panel.unit],
        min=panel.min,
        max=panel.max,
    )


def description(metric: Metric) -> str:
    """Return the description of a panel: definition and version of its metric, and runbooks of alerts about it."""
    parts = [
        metric.definition,
        f"Formula: {metric.formula}",
        f"Definition {metric.name}, version {metric.version}; more: `cxgauge explain {metric.name}`",
    ]
    if rules := BY_METRIC.get(metric.name):
        parts.append("Runbooks: " + ", ".join(alert.runbook for alert in rules))
    return "\n\n".join(parts)


def _table_queries(panel: Panel) -> Iterator[Query]:
    """Yield the queries of a table: values, bounds and sample sizes, each with the name of its column."""
    for line in panel.lines:
        yield Query(expression(line), line.name or panel.title)
    for query in _bounds_and_sizes(panel):
        yield query._replace(legend=query.legend.partition(" {{")[0])


def _bounds_and_sizes(panel: Panel) -> Iterator[Query]:
    """Yield the queries of bounds and sample sizes. Sample sizes have a unit of their own."""
    for name, family in zip((LOW, HIGH), panel.bounds or (), strict=False):
        line = panel.lines[0]._replace(family=family, name=name)
        yield Query(expression(line), legend(line, panel.title) if line.by else name)
    for line in panel.samples:
        yield Query(expression(line), legend(_named(line), panel.title), GRAFANA_UNITS[line.family.unit])


def _named(line: Line) -> Line:
    """Return the line of a sample size with a name."""
    return line if line.name else line._replace(name=SIZE)


def _band(panel: Panel) -> tuple[Query, Query] | None:
    """Return the queries of the bounds that a band is drawn between. None without bounds, or for several lines."""
    if panel.bounds is None or panel.lines[0].by:
        return None
    low, high = (bound(family, panel.lines[0]) for family in panel.bounds)
    return Query(low, LOW), Query(high, HIGH)
