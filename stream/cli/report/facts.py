"""The facts of a report: figures, what moved them, and alerts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from stream.cli.report.figures import ChangePart, FigureRow, figure_rows, parts_of
from stream.cli.report.source import ExporterReadings, Incident
from stream.cli.top.samples import TOTAL
from stream.core.metrics.changes import Change
from stream.core.metrics.headlines import encode

MAX_MOVED = 4
"""Maximum number of figures whose change is explained."""
MAX_PARTS = 3
"""Maximum number of label values that are named for a figure and a view."""
_UNITS = {"m": "minute", "h": "hour", "d": "day"}


class FiringAlerts(NamedTuple):
    """Firing alerts as the live page has them. `asked`: whether there is an Alertmanager. `error`: why it has no answer."""

    asked: bool = False
    error: str = ""
    firing: Sequence[dict[str, Any]] = ()


class ExplainedChange(NamedTuple):
    """A figure that changed clearly, and the label values that moved it, the largest part first."""

    row: FigureRow
    change: Change
    parts: Sequence[ChangePart]


class ReportFacts(NamedTuple):
    """What pages and messages are made of. `period` names the window or period in words."""

    readings: ExporterReadings
    alerts: FiringAlerts
    period: str
    rows: Sequence[FigureRow]
    explained: Sequence[ExplainedChange]

    @property
    def title(self) -> str:
        """The title of page and message."""
        return f"Customer experience, {self.period}"

    @property
    def before(self) -> str:
        """What figures are compared with, in words."""
        window = self.readings.window
        return f"the {spoken(window)} before" if window else "the period before"

    @property
    def lead(self) -> Sequence[FigureRow]:
        """The figures that whoever leads support asks for first."""
        return [row for row in self.rows if row.is_lead]

    @property
    def firing(self) -> Sequence[tuple[dict[str, Any], int]]:
        """The first firing alert of each rule, and how many more of the rule are firing."""
        by_rule: dict[str, list[dict[str, Any]]] = {}
        for alert in self.alerts.firing:
            by_rule.setdefault(alert["name"], []).append(alert)
        return [(alerts[0], len(alerts) - 1) for alerts in by_rule.values()]

    @property
    def incidents(self) -> Sequence[Incident]:
        """The incidents, unless alerts tell of them."""
        return [] if self.alerts.asked and not self.alerts.error else self.readings.incidents

    def link(self, row: FigureRow | None = None, view: str = TOTAL) -> str:
        """Return the address of the live page, of one figure by a view if it is given."""
        if row is None:
            return f"{self.readings.url}/"
        selection = {"view": view, "tile": encode(row.tile)}
        if self.readings.window:
            selection["window"] = self.readings.window
        return f"{self.readings.url}/#{urlencode(selection)}"


def spoken(duration: str) -> str:
    """Return a duration such as `7d` in words. One with another unit is returned as it is."""
    number, unit = duration[:-1], duration[-1:]
    return f"{number} {_UNITS[unit]}{'' if number == '1' else 's'}" if unit in _UNITS else duration


def facts(readings: ExporterReadings, alerts: FiringAlerts, period: str | None) -> ReportFacts:
    """Return the facts. `period` is the name of a period, None for a window."""
    rows = [*figure_rows(readings)]
    clear = [
        (row, row.change)
        for row in sorted(rows, key=lambda row: (not row.is_lead, row.verdict != "worse"))
        if row.change is not None and row.verdict in ("worse", "better") and row.shown.is_compared_mean
    ]
    explained = [
        ExplainedChange(row, change, _main_parts(readings, row, change)) for row, change in clear[:MAX_MOVED]
    ]
    return ReportFacts(readings, alerts, _words(readings, period), rows, explained)


def _words(readings: ExporterReadings, period: str | None) -> str:
    """Return window or period in words, with its days."""
    begin, end = readings.interval.begin, readings.interval.end - timedelta(microseconds=1)
    last = f"{end.day} {end:%b %Y}"
    if period is None:
        return f"last {spoken(readings.window or '')} to {last}"
    days = last if begin.date() == end.date() else f"{begin.day} {begin:%b} to {last}"
    return f"{period.replace('-', ' ')}: {days}"


def _main_parts(readings: ExporterReadings, row: FigureRow, change: Change) -> Sequence[ChangePart]:
    """Return the parts of each view that make up a tenth of the change or more.

    A view of which all answers have one label value explains nothing.
    """
    least = abs(change.difference) / 10
    main: list[ChangePart] = []
    for view in readings.views:
        parts = [] if view == TOTAL else parts_of(readings, row, view)
        if len(parts) > 1:
            main += [part for part in parts if abs(part.size) >= least][:MAX_PARTS]
    return sorted(main, key=lambda part: -abs(part.size))
