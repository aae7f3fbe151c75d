"""What dashboards show of metrics: of each its panels, on the overview its headline."""

from collections.abc import Iterable, Iterator, Mapping

from stream.core.metrics.metric import Line, Metric, Panel, Unit
from stream.monitoring.alerts.rules import BY_METRIC
from stream.monitoring.dashboards.query import bound, expression, largest, legend
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
    """All panels of some metrics, under a heading each."""
    for metric in metrics:
        yield row(metric.title)
        for panel in metric.panels:
            yield from _panel(metric, panel)


def headlines(metrics: Iterable[Metric]) -> Iterator[Json]:
    """A tile each: of a score two lines, its bounds and sample sizes, else all counts, of many the largest."""
    for metric in metrics:
        panel = metric.panels[0]
        lines = panel.lines[:2] if panel.samples else panel.lines
        figures = [
            Query(expression(line) if panel.samples or not line.by else largest(line), legend(line, panel))
            for line in lines
        ]
        several = any(line.by for line in lines)
        yield stat(_style(metric, panel), [*figures, *_beside(panel)], width=12 if several else 6)


def _panel(metric: Metric, panel: Panel) -> Iterator[Json]:
    """The lines; of a score also a table with bounds and sample sizes, and these over time."""
    style = _style(metric, panel)
    lines = [Query(expression(line), legend(line, panel)) for line in panel.lines]
    yield chart(style, lines, band=_band(panel))
    if panel.samples:
        yield table(style._replace(title=f"{panel.title}, now"), _now(panel))
        sizes = [Query(expression(line), legend(_named(line), panel)) for line in panel.samples]
        yield chart(PanelStyle(f"{panel.title}, n", style.text, min=0), sizes, width=4, bars=True)


def _style(metric: Metric, panel: Panel) -> PanelStyle:
    stock = not panel.lines[0].family.windowed
    return PanelStyle(
        title=panel.title if stock else f"{panel.title} ($window)",
        text=_text(metric),
        unit=GRAFANA_UNITS[panel.unit],
        min=panel.min,
        max=panel.max,
    )


def _text(metric: Metric) -> str:
    """What a panel says when asked: the definition and its version, and what alerts about it are for."""
    parts = [
        metric.definition,
        f"Formula: {metric.formula}",
        f"Definition {metric.name}, version {metric.version}; more: `cxgauge explain {metric.name}`",
    ]
    if rules := BY_METRIC.get(metric.name):
        parts.append("Runbooks: " + ", ".join(alert.runbook for alert in rules))
    return "\n\n".join(parts)


def _now(panel: Panel) -> Iterator[Query]:
    """Figures, bounds, sample sizes: each by the name of its column."""
    for line in panel.lines:
        yield Query(expression(line), line.name or panel.title)
    for query in _beside(panel):
        yield query._replace(legend=query.legend.partition(" {{")[0])


def _beside(panel: Panel) -> Iterator[Query]:
    """Bounds and sample sizes, these with their own unit."""
    for name, family in zip((LOW, HIGH), panel.bounds or (), strict=False):
        yield Query(expression(Line(family)), name)
    for line in panel.samples:
        yield Query(expression(line), legend(_named(line), panel), GRAFANA_UNITS[line.family.unit])


def _named(line: Line) -> Line:
    """A sample size's line, called so unless it has a name."""
    return line if line.name else line._replace(name=SIZE)


def _band(panel: Panel) -> tuple[Query, Query] | None:
    if panel.bounds is None:
        return None
    low, high = (bound(family, panel.lines[0]) for family in panel.bounds)
    return Query(low, LOW), Query(high, HIGH)
