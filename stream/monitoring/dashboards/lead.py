"""The dashboard of whoever leads support or customer experience: eight figures, each with change, target and sample size."""

from collections.abc import Iterator

from stream.core.metrics.headlines import LEAD, MetricHeadline, encode, label_pattern, tile_of
from stream.core.metrics.metric import Family, Line
from stream.monitoring.dashboards.metric_panels import GRAFANA_UNITS, SIZE, description
from stream.monitoring.dashboards.query import before, expression, legend
from stream.monitoring.dashboards.references import target_and_benchmark
from stream.monitoring.dashboards.widgets import Json, Link, PanelStyle, Query, chart, stat

_ADDRESS = "http://127.0.0.1:9817"
PAGE: Json = {
    "type": "textbox",
    "name": "page",
    "label": "live page",
    "query": _ADDRESS,
    "current": {"text": _ADDRESS, "value": _ADDRESS},
}
"""The variable with the address of the live page, which a click on a figure opens."""
BEFORE, CHANGE = "window before", "change"
PER_ROW = 4


def panels() -> Iterator[Json]:
    """Yield rows of tiles, with the time lines of a row's figures below it."""
    for i in range(0, len(LEAD), PER_ROW):
        yield from map(_tile, LEAD[i : i + PER_ROW])
        yield from map(_timeline, LEAD[i : i + PER_ROW])


def _tile(shown: MetricHeadline) -> Json:
    line = _line(shown)
    queries = [
        _query(line, expression(line), shown.headline.title),
        _query(line, f"{expression(line)} - {_before(shown)}", CHANGE),
    ]
    queries.append(target_and_benchmark([shown.headline])[0])
    if (size := shown.headline.sample_size) is not None:
        of_answers = _size(shown, size)
        queries.append(_query(of_answers, expression(of_answers), SIZE, GRAFANA_UNITS[size.unit]))
    return stat(_style(shown), queries, height=5, link=Link("Live page", _address(shown)))


def _timeline(shown: MetricHeadline) -> Json:
    line = _line(shown)
    lines = [_query(line, expression(line), shown.headline.title), _query(line, _before(shown), BEFORE)]
    references = target_and_benchmark([shown.headline])
    return chart(_style(shown), lines, width=24 // PER_ROW, references=references)


def _line(shown: MetricHeadline) -> Line:
    """Return the line of a headline. It is split by the labels whose values are not fixed."""
    labels = dict(zip(shown.headline.family.labels, label_pattern(shown.headline), strict=True))
    return Line(
        shown.headline.family,
        by=tuple(name for name, value in labels.items() if value is None),
        where={name: value for name, value in labels.items() if value is not None},
    )


def _size(shown: MetricHeadline, size: Family) -> Line:
    """Return the line of a headline's sample size: the sum of all samples with the labels of the headline."""
    wanted = {**_line(shown).where, **shown.headline.sample_labels}
    return Line(size, where={name: value for name, value in wanted.items() if name in size.labels})


def _before(shown: MetricHeadline) -> str:
    line = _line(shown)
    return before(line, compared=line.family in shown.metric.compared)


def _query(line: Line, expr: str, name: str, unit: str = "") -> Query:
    return Query(expr, legend(line._replace(name=name), name), unit)


def _style(shown: MetricHeadline) -> PanelStyle:
    family = shown.headline.family
    title = f"{shown.headline.title} ($window)" if family.windowed else shown.headline.title
    return PanelStyle(title, description(shown.metric), GRAFANA_UNITS[family.unit])


def _address(shown: MetricHeadline) -> str:
    """Return the address of the live page with the figure selected."""
    return f"${{page}}/#window=${{window}}&view=${{view}}&tile={encode(tile_of(shown))}"
