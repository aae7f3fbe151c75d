"""The report of a backtest, which is printed as text, as JSON and as a page."""

from datetime import datetime

import msgspec

from schemas.times import from_ms
from stream.backtest.alerts import FiredAlert, label_set_of
from stream.backtest.run import BacktestResult, WeekOfFigures
from stream.backtest.weeks import WEEK, WeeklyFigure
from stream.core.detection.finding import HISTORY_HOURS
from stream.core.metrics.headlines import HEADLINES, Tile, encode
from stream.core.model.time_buckets import HOUR, MINUTE

PATH = "schemas/generated/backtest.schema.json"
"""The JSON Schema of the report."""
EVIDENCE_NAMES = {
    "by_chance": "by_chance_per_month",
    "limit": "limit_per_month",
    "baseline": "baseline",
    "window": "window_seconds",
}
"""Fields of `AlertEvidence` by the ends of the names of recorded series, where they differ."""


class AlertEvidence(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The numbers of an alert at its clearest moment, or of an alert about a target when it became true.

    Attributes:
        at: the moment
        events: events in the window, or the figure that stands for them
        baseline: the events that the baseline expects, or the target
        window_seconds: the length of the window
        by_chance_per_month: how often a month chance alone would show something as remarkable
        limit_per_month: the limit of `by_chance_per_month` below which the rule fires
        sample_size: customers, tickets or answers that the alert is about
        value: the value of the figure that has a target
        bound: its bound that is compared with the target
    """

    at: datetime
    events: float | None = None
    baseline: float | None = None
    window_seconds: float | None = None
    by_chance_per_month: float | None = None
    limit_per_month: float | None = None
    sample_size: float | None = None
    value: float | None = None
    bound: float | None = None


class ReportedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that would have fired.

    Attributes:
        alert: its name, which is that of its rule and of its runbook
        severity: critical, warning or info
        view: the view of its label set
        labels: the labels of the view. `total` has none
        start: when it fires first
        end: when it resolves. Null if it fires when the events end
        summary: the text of the notification
        evidence: its numbers
    """

    alert: str
    severity: str
    view: str
    labels: dict[str, str]
    start: datetime
    end: datetime | None
    summary: str
    evidence: AlertEvidence


class WeekFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A score, ratio, mean or amount of a week.

    Attributes:
        figure: its name, as in the settings of targets
        title: its name for people
        unit: points, ratio (0 to 1), seconds or money (major units)
        view: the view of its label set
        labels: the labels of the view
        value: its value
        low: lower 95 % bound. Null if it has none
        high: upper 95 % bound. Null if it has none
        n: its sample size. Null if it has none
    """

    figure: str
    title: str
    unit: str
    view: str
    labels: dict[str, str]
    value: float
    low: float | None
    high: float | None
    n: float | None


class ReportedWeek(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a calendar week (UTC).

    Attributes:
        start: Monday at midnight
        end: the Monday after it
        whole: whether the events cover all of it
        figures: the figures that have data
    """

    start: datetime
    end: datetime
    whole: bool
    figures: list[WeekFigure]


class BacktestSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """CPU time of the backtest.

    Attributes:
        events_per_second: events of the files by the sum of these times
        cpu_seconds: CPU time of reading (mapping and sorting included), counting, windows, detectors and rules. The start
            of the program and writing the report are left out
    """

    events_per_second: float
    cpu_seconds: dict[str, float]


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a backtest.

    Attributes:
        version: version of this shape
        first: time of the first event. Null without events
        last: time of the last event. Null without events
        judged_from: from when on there is a week of history, without which no rule about unusual figures fires
        events: number of events by domain
        outcomes: number of events by outcome
        weeks: weeks with figures
        alerts: alerts in the order of their beginnings
        speed: CPU time
    """

    version: int = 1
    first: datetime | None
    last: datetime | None
    judged_from: datetime | None
    events: dict[str, int]
    outcomes: dict[str, int]
    weeks: list[ReportedWeek]
    alerts: list[ReportedAlert]
    speed: BacktestSpeed


def report(result: BacktestResult, views: dict[str, tuple[str, ...]]) -> BacktestReport:
    """Return the report of a result. `views` are the labels of each view."""
    events = dict(result.events)
    first = from_ms(result.first) if events else None
    total = sum(events.values())
    return BacktestReport(
        first=first,
        last=from_ms(result.last) if events else None,
        judged_from=from_ms(result.first // HOUR * HOUR + HISTORY_HOURS * HOUR) if events else None,
        events={str(domain): n for domain, n in events.items()},
        outcomes=result.outcomes,
        weeks=[_week(week, views) for week in result.weeks],
        alerts=[_alert(fired) for fired in result.alerts],
        speed=BacktestSpeed(
            events_per_second=total / max(result.seconds.total, 1e-9),
            cpu_seconds=result.seconds.by_part(),
        ),
    )


def documents() -> dict[str, bytes]:
    """Return the JSON Schema of the report by its path from the project's root."""
    schema = msgspec.json.schema(BacktestReport)
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2)
    return {PATH: text + b"\n"}


def _week(week: WeekOfFigures, views: dict[str, tuple[str, ...]]) -> ReportedWeek:
    return ReportedWeek(
        start=from_ms(week.start),
        end=from_ms(week.start + WEEK),
        whole=week.is_whole,
        figures=[_figure(figure, views) for figure in week.figures],
    )


def _figure(figure: WeeklyFigure, views: dict[str, tuple[str, ...]]) -> WeekFigure:
    headline = figure.headline.headline
    of = ", ".join(figure.values) if None in (headline.labels or (None,) * len(figure.values)) else ""
    return WeekFigure(
        figure=encode(Tile(HEADLINES.index(figure.headline), figure.values)),
        title=f"{headline.title} ({of})" if of else headline.title,
        unit=headline.unit,
        view=figure.labels.view,
        labels=dict(zip(views[figure.labels.view], figure.labels.values, strict=True)),
        value=figure.value,
        low=figure.low,
        high=figure.high,
        n=figure.n,
    )


def _alert(fired: FiredAlert) -> ReportedAlert:
    view, labels = label_set_of(fired.labels)
    numbers = {EVIDENCE_NAMES.get(name, name): value for name, value in fired.evidence.figures.items()}
    return ReportedAlert(
        alert=fired.rule.name,
        severity=fired.rule.severity,
        view=view,
        labels=labels,
        start=_end_of(fired.start),
        end=None if fired.ongoing else _end_of(fired.end),
        summary=fired.evidence.summary,
        evidence=AlertEvidence(at=_end_of(fired.evidence.minute), **numbers),
    )


def _end_of(minute: int) -> datetime:
    """Return the end of a minute, at which it is judged."""
    return from_ms((minute + 1) * MINUTE)
