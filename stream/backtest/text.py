"""The report as text for a terminal."""

from collections.abc import Iterator

from stream.backtest import wording
from stream.backtest.report import BacktestReport

WIDTH = 100
"""Columns of a table of figures."""


def lines(report: BacktestReport) -> Iterator[str]:
    """Yield the lines of a report."""
    yield wording.headline(report)
    if report.first is None:
        return
    yield ""
    for alert in report.alerts:
        yield f"{alert.alert} ({alert.severity}), {wording.label_set(alert.labels)}: {wording.period(alert)}"
        yield f"  {alert.summary}"
        yield f"  {wording.evidence(alert)}"
        yield f"  what to do: deploy/runbooks/{alert.alert}.md"
    if report.alerts:
        yield ""
    yield from wording.notes(report)
    yield "Times are in UTC."
    yield ""
    yield from _figures(report)
    yield wording.speed(report)


def _figures(report: BacktestReport) -> Iterator[str]:
    """Yield tables of the figures of all events by week: a column for each, and as many tables as needed."""
    cells: dict[str, dict[int, str]] = {}
    for number, week in enumerate(report.weeks):
        for figure in week.figures:
            if not figure.labels:
                n = wording.sample_size(figure)
                shown = wording.figure_value(figure) + (f" (n {n})" if n else "")
                cells.setdefault(figure.title, {})[number] = shown
    if not cells:
        return
    marks = [f"{wording.day(week.start)}{'' if week.whole else '*'}" for week in report.weeks]
    first = max(len("week of"), *map(len, marks))
    columns = [(title, max(len(title), *map(len, values.values()))) for title, values in cells.items()]
    while columns:
        width = first
        chosen: list[tuple[str, int]] = []
        while columns and (not chosen or width + 2 + columns[0][1] <= WIDTH):
            width += 2 + columns[0][1]
            chosen.append(columns.pop(0))
        yield "  ".join(["week of".ljust(first), *(title.rjust(size) for title, size in chosen)])
        for number, mark in enumerate(marks):
            row = [cells[title].get(number, "-").rjust(size) for title, size in chosen]
            yield "  ".join([mark.ljust(first), *row])
        yield ""
    if not all(week.whole for week in report.weeks):
        yield "* The events do not cover all of this week."
        yield ""
