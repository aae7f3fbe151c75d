"""Words and numbers of reports for people."""

from datetime import datetime, timedelta

from stream.backtest.report import BacktestReport, ReportedAlert, WeekFigure
from stream.monitoring.evaluation.templates import humanize_duration

PARTS = {
    "reading": "reading, mapping and sorting",
    "counting": "counting",
    "windows": "windows",
    "detection": "detectors",
    "rules": "rules",
}
"""Names of the parts of the CPU time."""


def headline(report: BacktestReport) -> str:
    """Return the sentence that says the most: the number of alerts and the time that the events cover."""
    if report.first is None or report.last is None:
        return "No events"
    n = len(report.alerts)
    alerts = "No alert" if not n else counted(n, "alert")
    return f"{alerts} from {day(report.first)} to {day(report.last)}"


def counted(n: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def day(time: datetime) -> str:
    """Return the day of a time."""
    return f"{time:%Y-%m-%d}"


def minute(time: datetime) -> str:
    """Return a time to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def label_set(labels: dict[str, str]) -> str:
    """Return a label set as `channel app`, and `total` without labels."""
    return ", ".join(f"{name} {value}" for name, value in labels.items()) or "total"


def figure_value(figure: WeekFigure) -> str:
    """Return the value of a figure in its unit."""
    return in_unit(figure.value, figure.unit)


def in_unit(value: float, unit: str) -> str:
    """Return a number in a unit."""
    if unit == "ratio":
        return f"{100 * value:.1f} %"
    if unit == "seconds":
        return humanize_duration(value)
    return f"{value:,.1f}" if unit == "points" else f"{value:,.2f}"


def sample_size(figure: WeekFigure) -> str:
    """Return the sample size of a figure, "" if it has none."""
    return "" if figure.n is None else f"{figure.n:,.0f}"


def period(alert: ReportedAlert) -> str:
    """Return from when to when an alert fires."""
    if alert.end is None:
        return f"since {minute(alert.start)}, until the events end"
    return f"{minute(alert.start)} to {minute(alert.end)} ({length(alert.end - alert.start)})"


def length(span: timedelta) -> str:
    """Return a length of time to the minute."""
    minutes = round(span.total_seconds() / 60)
    days, hours = divmod(minutes // 60, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes % 60, "min")) if n]
    return " ".join(parts[:2]) or "0 min"


def evidence(alert: ReportedAlert) -> str:
    """Return the numbers of an alert that its summary does not have."""
    numbers = alert.evidence
    parts = []
    if numbers.by_chance_per_month is not None:
        limit = (
            "" if numbers.limit_per_month is None else f", the rule fires below {numbers.limit_per_month:g}"
        )
        parts.append(f"by chance {numbers.by_chance_per_month:.2g} times a month{limit}")
    if numbers.bound is not None:
        parts.append(f"bound {numbers.bound:.4g}")
    return "; ".join([*parts, f"at {minute(numbers.at)}"])


def notes(report: BacktestReport) -> list[str]:
    """Return the limits of the report: rejected events, and the first week, which is needed as history."""
    lines = []
    if report.judged_from is not None:
        lines.append(
            f"Unusual figures are judged from {minute(report.judged_from)} on, because the first week is their history."
        )
    others = {name: n for name, n in report.outcomes.items() if name != "accepted"}
    if others:
        parts = ", ".join(f"{n:,} {name}" for name, n in others.items())
        lines.append(f"Not all events were counted: {parts}.")
    return lines


def speed(report: BacktestReport) -> str:
    """Return the rate of the backtest, and where its time went."""
    events = sum(report.events.values())
    seconds = report.speed.cpu_seconds
    parts = ", ".join(f"{PARTS[name]} {value:.1f} s" for name, value in seconds.items())
    total = sum(seconds.values())
    core = max(total - seconds["reading"], 1e-9)
    return (
        f"{events:,} events of the files in {total:.1f} s of CPU: {report.speed.events_per_second:,.0f} events a second, "
        f"{events / core:,.0f} without reading ({parts}; the start of the program and writing this report are left out)"
    )
