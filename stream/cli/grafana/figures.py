"""What dashboards show of metrics: of each its panels, on the overview its headline."""

from collections.abc import Iterable, Iterator

from stream.cli.grafana.query import bound, expression, legend
from stream.cli.grafana.widgets import Json, Look, Query, chart, row, stat, table
from stream.core.metric import Line, Metric, Panel

LOW, HIGH, SIZE = "95 % low", "95 % high", "n"


def domain(metrics: Iterable[Metric]) -> Iterator[Json]:
    """All panels of some metrics, under a heading each."""
    for metric in metrics:
        yield row(metric.title)
        for panel in metric.panels:
            yield from _panel(metric, panel)


def headlines(metrics: Iterable[Metric]) -> Iterator[Json]:
    """A tile each: the first line of the first panel, its bounds, its sample size."""
    for metric in metrics:
        panel = metric.panels[0]
        first = panel.lines[0] if panel.samples else None
        yield stat(_look(metric, panel), _now(panel, [first] if first else panel.lines))


def _panel(metric: Metric, panel: Panel) -> Iterator[Json]:
    """The lines; of a score also a table with bounds and sample sizes, and these over time."""
    look = _look(metric, panel)
    lines = [Query(expression(line), legend(line, panel)) for line in panel.lines]
    yield chart(look, lines, band=_band(panel))
    if panel.samples:
        yield table(look._replace(title=f"{panel.title}, now"), _now(panel, panel.lines))
        sizes = [Query(expression(line), legend(_named(line), panel)) for line in panel.samples]
        yield chart(Look(f"{panel.title}, n", look.text, least=0), sizes, width=4, bars=True)


def _look(metric: Metric, panel: Panel) -> Look:
    stock = not panel.lines[0].family.windowed
    return Look(
        title=panel.title if stock else f"{panel.title} ($window)",
        text=_text(metric),
        unit=panel.unit,
        least=panel.least,
        most=panel.most,
    )


def _text(metric: Metric) -> str:
    """What a panel says when asked: the definition and its version, and what alerts about it are for."""
    parts = [
        metric.definition,
        f"Formula: {metric.formula}",
        f"Definition {metric.name}, version {metric.version}; more: `cxgauge explain {metric.name}`",
    ]
    if metric.alerts:
        parts.append("Runbooks: " + ", ".join(alert.runbook for alert in metric.alerts))
    return "\n\n".join(parts)


def _now(panel: Panel, lines: Iterable[Line]) -> Iterator[Query]:
    """Figures, bounds, sample sizes: each by the name of its column, with the size's own unit."""
    for line in lines:
        yield Query(expression(line), line.name or panel.title)
    for name, family in zip((LOW, HIGH), panel.bounds or (), strict=False):
        yield Query(expression(Line(family)), name)
    for line in panel.samples:
        yield Query(expression(line), line.name or SIZE, "none")


def _named(line: Line) -> Line:
    """A sample size's line, called so unless it has a name."""
    return line if line.name or line.by else line._replace(name=SIZE)


def _band(panel: Panel) -> tuple[Query, Query] | None:
    if panel.bounds is None:
        return None
    low, high = (bound(family, panel.lines[0]) for family in panel.bounds)
    return Query(low, LOW), Query(high, HIGH)
