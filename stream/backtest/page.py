"""The report as one HTML page, which needs no script and no other file."""

from collections.abc import Iterator
from html import escape

from stream.backtest import charts, wording
from stream.backtest.report import BacktestReport, ReportedAlert, ReportedWeek, WeekFigure

STYLE = """
:root { color-scheme: light dark; --ground: #f6f6f4; --surface: #fff; --ink: #1b1f24; --muted: #59616b; --rule: #dfe1e4;
  --accent: #0b5cad; --band: #0b5cad26; --bad: #a8201a; --warn: #7a4f00; }
@media (prefers-color-scheme: dark) { :root { --ground: #111316; --surface: #1a1d21; --ink: #e7e9ec; --muted: #a2aab4;
  --rule: #30353b; --accent: #79b8ff; --band: #79b8ff2b; --bad: #ff9d94; --warn: #f1c365; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 3rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.125rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0; max-width: 90ch; } .muted, caption { color: var(--muted); font-size: .875rem; }
ol { list-style: none; padding: 0; margin: 0; display: grid; gap: .5rem; }
.alert, figure { background: var(--surface); border: 1px solid var(--rule); border-radius: 3px; padding: .6rem .9rem; margin: 0; }
.alert { border-left: 4px solid var(--warn); overflow-wrap: anywhere; } .critical { border-left-color: var(--bad); }
.figures { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--muted); font: 11px system-ui, sans-serif; }
.line { fill: none; stroke: var(--accent); stroke-width: 2; } .dot { fill: var(--accent); } .band { fill: var(--band); }
.axis { stroke: var(--rule); } .fired { fill: var(--warn); } .fired.critical { fill: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; } th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child { text-align: left; font-weight: 400; } summary { cursor: pointer; margin: .5rem 0; }
"""


def html(report: BacktestReport) -> str:
    """Return the page of a report."""
    title = escape(wording.headline(report))
    return "".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Backtest: {title}</title><style>{STYLE}</style></head><body><main>\n",
            f"<h1>{title}</h1>\n",
            *_alerts(report),
            *_figures(report),
            *_by_view(report),
            f'<p class="muted">{escape(wording.speed(report))}.</p>\n',
            "</main></body></html>\n",
        ]
    )


def _alerts(report: BacktestReport) -> Iterator[str]:
    for note in (*wording.notes(report), "Times are in UTC. Weeks begin on Monday."):
        yield f'<p class="muted">{escape(note)}</p>\n'
    if not report.alerts:
        return
    yield "<h2>Alerts</h2>\n"
    if report.first is not None and report.last is not None:
        yield f"<figure>{charts.timeline(report.alerts, report.first, report.last)}</figure>\n"
    yield "<ol>\n"
    yield from (_alert(alert) for alert in report.alerts)
    yield "</ol>\n"


def _alert(alert: ReportedAlert) -> str:
    return (
        f'<li class="alert {escape(alert.severity)}"><h3>{escape(alert.summary)}</h3>'
        f"<p>{escape(alert.alert)} ({escape(alert.severity)}), {escape(wording.label_set(alert.labels))}, "
        f"{escape(wording.period(alert))}</p>"
        f'<p class="muted">{escape(wording.evidence(alert))}</p></li>\n'
    )


def _figures(report: BacktestReport) -> Iterator[str]:
    """Yield a chart of each figure of all events."""
    titles = _titles(report.weeks)
    if titles:
        yield '<h2>Figures by week</h2>\n<div class="figures">\n'
        for title in titles:
            yield f"<figure><h3>{escape(title)}</h3>{charts.weekly(report.weeks, title)}</figure>\n"
        yield "</div>\n<details open><summary>Table</summary>\n"
        yield from _table(report.weeks, "Total", {})
        yield "</details>\n"


def _by_view(report: BacktestReport) -> Iterator[str]:
    """Yield a table of each label set of the other views, closed at first."""
    views = dict.fromkeys(figure.view for week in report.weeks for figure in week.figures if figure.labels)
    for view in views:
        sets = {
            tuple(figure.labels.items())
            for week in report.weeks
            for figure in week.figures
            if figure.view == view
        }
        yield f"<details><summary>By {escape(view)} ({wording.counted(len(sets), 'value')})</summary>\n"
        for pairs in sorted(sets):
            yield from _table(report.weeks, wording.label_set(dict(pairs)), dict(pairs), view)
        yield "</details>\n"


def _table(
    weeks: list[ReportedWeek], caption: str, labels: dict[str, str], view: str = "total"
) -> Iterator[str]:
    """Yield a table of the figures of a label set: a row for each week."""
    rows = [
        {figure.title: figure for figure in week.figures if (figure.view, figure.labels) == (view, labels)}
        for week in weeks
    ]
    titles = list(dict.fromkeys(title for row in rows for title in row))
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    yield f'<div class="scroll"><table><caption>{escape(caption)}</caption><tr><th scope="col">week of</th>{heads}</tr>\n'
    for week, row in zip(weeks, rows, strict=True):
        cells = "".join(f"<td>{_cell(row.get(title))}</td>" for title in titles)
        mark = wording.day(week.start) + ("" if week.whole else " (in part)")
        yield f'<tr><th scope="row">{mark}</th>{cells}</tr>\n'
    yield "</table></div>\n"


def _cell(figure: WeekFigure | None) -> str:
    if figure is None:
        return "-"
    n = wording.sample_size(figure)
    return escape(wording.figure_value(figure)) + (f' <span class="muted">n {n}</span>' if n else "")


def _titles(weeks: list[ReportedWeek]) -> list[str]:
    """Return the titles of the figures of all events."""
    return list(dict.fromkeys(figure.title for week in weeks for figure in week.figures if not figure.labels))
