"""Charts of the page as SVG."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from stream.backtest import wording
from stream.backtest.report import ReportedAlert, ReportedWeek, WeekFigure

WIDTH, HEIGHT, MARGIN = 320, 110, 14
ROW = 22
"""Height of the row of an alert in the time line."""


def timeline(alerts: Sequence[ReportedAlert], first: datetime, last: datetime) -> str:
    """Return a time line with a row for each alert and label set."""
    rows = list(dict.fromkeys((alert.alert, wording.label_set(alert.labels)) for alert in alerts))
    width, name_width = 960, 300
    span = max((last - first).total_seconds(), 1)

    def x(time: datetime) -> float:
        share = min(max((time - first).total_seconds() / span, 0), 1)
        return name_width + share * (width - name_width - 10)

    height = ROW * len(rows) + 24
    parts = []
    for number, (name, labels) in enumerate(rows):
        y = ROW * number
        parts.append(f'<text x="0" y="{y + 15}">{escape(_shortened(f"{name}, {labels}"))}</text>')
        parts.append(f'<line class="axis" x1="{name_width}" x2="{width}" y1="{y + 11}" y2="{y + 11}"/>')
        for alert in alerts:
            if (alert.alert, wording.label_set(alert.labels)) == (name, labels):
                begin, end = x(alert.start), x(alert.end or last)
                parts.append(
                    f'<rect class="fired {escape(alert.severity)}" x="{begin:.1f}" y="{y + 4}" width="{max(end - begin, 3):.1f}" '
                    f'height="14"><title>{escape(wording.period(alert))}</title></rect>'
                )
    parts.append(f'<text x="{name_width}" y="{height - 4}">{wording.day(first)}</text>')
    parts.append(f'<text x="{width}" y="{height - 4}" text-anchor="end">{wording.day(last)}</text>')
    return _svg(width, height, "Time line of the alerts", parts)


def weekly(weeks: Sequence[ReportedWeek], title: str) -> str:
    """Return a line of a figure of all events by week, with its 95 % bounds as a band."""
    points: list[tuple[int, WeekFigure]] = [
        (number, figure)
        for number, week in enumerate(weeks)
        for figure in week.figures
        if figure.title == title and not figure.labels
    ]
    edges = [
        edge for _, figure in points for edge in (figure.value, figure.low, figure.high) if edge is not None
    ]
    low, high = min(edges), max(edges)
    unit = points[0][1].unit
    scale = (HEIGHT - 2 * MARGIN) / ((high - low) or 1)

    def x(number: int) -> float:
        return 64 + number * (WIDTH - 72) / max(len(weeks) - 1, 1)

    def y(value: float) -> float:
        return HEIGHT - MARGIN - (value - low) * scale

    bounded = [
        (number, figure.low, figure.high)
        for number, figure in points
        if figure.low is not None and figure.high is not None
    ]
    band = [f"{x(number):.1f},{y(top):.1f}" for number, _, top in bounded]
    band += [f"{x(number):.1f},{y(bottom):.1f}" for number, bottom, _ in reversed(bounded)]
    line = " ".join(f"{x(number):.1f},{y(figure.value):.1f}" for number, figure in points)
    parts = [f'<polygon class="band" points="{" ".join(band)}"/>'] if band else []
    parts.append(f'<polyline class="line" points="{line}"/>')
    for number, figure in points:
        n = wording.sample_size(figure)
        shown = f"{wording.day(weeks[number].start)}: {wording.figure_value(figure)}{f', n {n}' if n else ''}"
        parts.append(
            f'<circle class="dot" cx="{x(number):.1f}" cy="{y(figure.value):.1f}" r="3"><title>{escape(shown)}</title></circle>'
        )
    parts += [
        f'<text x="0" y="{y(value) + 4:.1f}">{escape(wording.in_unit(value, unit))}</text>'
        for value in dict.fromkeys((high, low))
    ]
    return _svg(WIDTH, HEIGHT, f"{title} by week", parts)


def _shortened(text: str, most: int = 46) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
