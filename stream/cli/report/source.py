"""What a report reads: an exporter's figures, notes, comments and incidents, and the alerts that fire."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from stream.cli.top.command import ExporterClient
from stream.cli.top.samples import TOTAL, Samples
from stream.config.setting_types import milliseconds
from stream.errors import CxgaugeError
from stream.exporter.api.paths import FIGURES, INCIDENTS
from stream.exporter.live.answers import MAX_ROWS
from stream.exporter.notes import NAME as NOTES

T = TypeVar("T")


class Interval(msgspec.Struct):
    """From one moment to another, which is outside."""

    begin: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")


class AbsentFigures(msgspec.Struct):
    """Figures that a period does not have. `part` is all, before or state."""

    metrics: list[str]
    part: str
    reason: str


class Comment(msgspec.Struct):
    """A kept comment."""

    time: datetime
    survey: str
    score: float | None
    answer_class: str | None = msgspec.field(name="class")
    reasons: list[str]
    values: dict[str, str]
    text: str


class _Period(Interval):
    time_zone: str
    before: Interval


class _Partitions(msgspec.Struct):
    expected: int
    covered: int


class _Figure(msgspec.Struct):
    series: str
    view: str
    window: str | None
    labels: dict[str, str]
    value: float


class _Target(msgspec.Struct):
    figure: str
    value: float


class _Figures(msgspec.Struct):
    partitions: _Partitions
    targets: list[_Target]
    figures: list[_Figure]
    period: _Period | None = None
    absent: list[AbsentFigures] = []


class _View(msgspec.Struct):
    name: str


class _Window(msgspec.Struct):
    label: str


class _Catalog(msgspec.Struct):
    views: list[_View]
    windows: list[_Window]


class _Availability(msgspec.Struct):
    off: str
    reason: str


class Clause(msgspec.Struct):
    """A part of an incident. `link` is appended to the address of the live page."""

    link: str


class Incident(msgspec.Struct):
    """An unusual figure that is an alert, as one text (see deploy/docs/incidents.md)."""

    severity: str
    text: str
    clauses: list[Clause]


class _Incidents(msgspec.Struct):
    incidents: list[Incident]


class _Comments(msgspec.Struct):
    comments: list[Comment]


class Note(NamedTuple):
    """A note: what somebody did, and when."""

    at: datetime
    text: str
    labels: dict[str, str]


class KeptComments(NamedTuple):
    """The newest comments, or why they cannot be read now. Both are empty if none are kept."""

    comments: Sequence[Comment] = ()
    reason: str = ""


class ExporterReadings(NamedTuple):
    """Everything that is read of an exporter.

    Attributes:
        url: the address of its live page
        window: the label of the window, None for a period
        interval: what figures are about
        before: what they are compared with
        views: the samples by view. Those of `total` are always there
        targets: by name of the figure, in its unit
        covered: whether every partition is covered
    """

    url: str
    window: str | None
    interval: Interval
    before: Interval
    zone: ZoneInfo
    views: Mapping[str, Samples]
    targets: Mapping[str, float]
    covered: bool
    absent: Sequence[AbsentFigures] = ()
    notes: Sequence[Note] = ()
    incidents: Sequence[Incident] = ()
    kept: KeptComments = KeptComments()


class WantedReport(NamedTuple):
    """What a report is about. Either `window` or `period` is given. Without `views` there are all."""

    window: str | None
    period: str | None
    zone: ZoneInfo
    views: Collection[str]
    comments: int


def read(client: ExporterClient, wanted: WantedReport, now: datetime) -> ExporterReadings:
    """Read everything. Raises CxgaugeError if the exporter refuses it, or if there is no exporter.

    `now` is the present, at which windows end.
    """
    catalog = _document(client, "/catalog", _Catalog)
    views = _chosen("--view", wanted.views, [view.name for view in catalog.views])
    query: list[tuple[str, str]] = [("view", view) for view in dict.fromkeys((TOTAL, *views))]
    if wanted.window is not None:
        _chosen("--window", [wanted.window], [window.label for window in catalog.windows])
        query.append(("window", wanted.window))
    else:
        query += [("period", wanted.period or ""), ("time_zone", wanted.zone.key)]
    answer = _document(client, f"{FIGURES}?{urlencode(query)}", _Figures)
    interval, before = _intervals(answer, wanted, now)
    samples: dict[str, Samples] = {view: Samples() for view in dict.fromkeys((TOTAL, *views))}
    for figure in answer.figures:
        samples[figure.view].add(figure.series, figure.labels, figure.value)
    text = client.fetch()
    return ExporterReadings(
        client.url,
        wanted.window,
        interval,
        before,
        wanted.zone,
        samples,
        {target.figure: target.value for target in answer.targets},
        0 < answer.partitions.expected == answer.partitions.covered,
        answer.absent,
        [note for note in _notes(text) if interval.begin <= note.at < interval.end],
        _document(client, INCIDENTS, _Incidents).incidents,
        _kept(client, interval, wanted.comments),
    )


def _intervals(answer: _Figures, wanted: WantedReport, now: datetime) -> tuple[Interval, Interval]:
    if answer.period is not None:
        return Interval(answer.period.begin, answer.period.end), answer.period.before
    span = timedelta(milliseconds=milliseconds(wanted.window or ""))
    end = now.astimezone(wanted.zone)
    return Interval(end - span, end), Interval(end - 2 * span, end - span)


def _chosen(option: str, given: Collection[str], allowed: Sequence[str]) -> Collection[str]:
    """Return the given values, or all that are allowed if there are none."""
    for value in given:
        if value not in allowed:
            raise CxgaugeError(f"{option}: got {value!r}, the exporter has {', '.join(allowed)}")
    return given or allowed


def _document(client: ExporterClient, path: str, kind: type[T]) -> T:
    """Return a document of the exporter. Raises CxgaugeError if it has another form."""
    try:
        return msgspec.json.decode(client.fetch(path), type=kind)
    except msgspec.DecodeError as error:
        at = path.partition("?")[0]
        raise CxgaugeError(
            f"{client.url}{at} has another form, is it an exporter of this version? {error}"
        ) from error


def _kept(client: ExporterClient, interval: Interval, most: int) -> KeptComments:
    """Return the newest comments of an interval, the newest first."""
    state = _document(client, "/api/v1/comments/state", _Availability)
    if not most or state.off or state.reason:
        return KeptComments(reason=state.reason if most and not state.off else "")
    known = _document(client, f"/api/v1/comments?limit={MAX_ROWS}", _Comments).comments
    return KeptComments(
        [comment for comment in known if interval.begin <= comment.time < interval.end][:most]
    )


def _series(text: str, prefix: str) -> list[Any]:
    """Return the samples of a text of `/metrics` whose names begin with a prefix."""
    lines = "".join(f"{line}\n" for line in text.split("\n") if line.startswith(prefix))
    try:
        return [sample for family in text_string_to_metric_families(lines) for sample in family.samples]
    except (ValueError, LookupError) as error:
        raise CxgaugeError(f"/metrics: expected Prometheus' text format, but {error}") from error


def _notes(text: str) -> list[Note]:
    """Return the notes in the order of their time."""
    notes = []
    for sample in _series(text, NOTES):
        labels = dict(sample.labels)
        labels.pop("note_id", None)
        at = datetime.fromtimestamp(sample.value, UTC)
        notes.append(Note(at, labels.pop("text", ""), labels))
    return sorted(notes, key=lambda note: (note.at, note.text))
