"""The card of an incident: clauses that join what is known, each with its figures.

A clause is left out where what it says is not known, or where its figures are not complete.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil, floor
from typing import Literal, NamedTuple, Protocol

from stream.core.detection.finding import Finding
from stream.core.detection.incident import Known
from stream.core.detection.incident_start import Since
from stream.core.detection.streams import (
    ANSWERS_LATE,
    ANSWERS_MISSING,
    CSAT_ANSWERS,
    HANDLE_TIME,
    LEAVING_CUSTOMERS,
    NPS_ANSWERS,
    PAYMENT_CHURN,
    REOPENINGS,
)
from stream.core.metrics import aht, churn, contact_cycles, csat, leaving, nps, resolution, waiting
from stream.core.metrics.headlines import HEADLINES, encode, tile_of
from stream.core.metrics.metric import Family
from stream.core.model.time_buckets import DAY, HOUR, MINUTE
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.notes import ShownNote

Kind = Literal["events", "where", "reason", "since", "note", "open"]
MAX_NOTES = 3
"""Maximum number of notes, the newest ones."""
NOTES_BEFORE = HOUR
"""Time in ms before the beginning within which notes are shown."""

WHERE_EVENTS, REASON_EVENTS = "cx_incident_where_events", "cx_incident_reason_events"
SINCE_SECONDS, NOTE_SECONDS = "cx_incident_since_timestamp_seconds", "cx_incident_note_seconds"
"""Names of the series of figures that no other series has."""


class Figure(NamedTuple):
    """A series with its labels, and its value."""

    series: str
    labels: Mapping[str, str]
    value: float


class Clause(NamedTuple):
    """A part of the text, its figures, and the tile and view of the live page that show more of it."""

    kind: Kind
    text: str
    figures: tuple[Figure, ...]
    tile: str
    view: str


class Sentence(NamedTuple):
    """The first clause about a stream, and where to see more.

    Attributes:
        text: has `events`, `baseline`, `of` (the label set), `window` and `size` (` of 960`)
        shown: the family of the tile
        size: the family of the number from which the events are, None if there is none
        is_duration: whether the figures are seconds of one event instead of a number of events
    """

    text: str
    shown: Family
    size: Family | None = None
    is_duration: bool = False


_BASELINE = "(baseline: at most {baseline})"
SENTENCES: Mapping[str, Sentence] = {
    LEAVING_CUSTOMERS.of: Sentence(
        f"{{events}}{{size}} customers{{of}} left in {{window}} {_BASELINE}",
        leaving.CUSTOMERS,
        churn.NOW_ACTIVE,
    ),
    PAYMENT_CHURN.of: Sentence(
        f"{{events}} customers{{of}} were lost against their will in {{window}} {_BASELINE}", churn.RATIO
    ),
    ANSWERS_LATE.of: Sentence(
        f"The target of {{events}} tickets{{of}} passed without an answer in {{window}} {_BASELINE}",
        contact_cycles.DUE,
    ),
    REOPENINGS.of: Sentence(
        f"{{events}} solved tickets{{of}} were reopened in {{window}} {_BASELINE}", resolution.MEAN
    ),
    HANDLE_TIME.of: Sentence(
        "A typical interaction{of} took {events} in {window} (baseline: {baseline})",
        aht.MEAN,
        is_duration=True,
    ),
    NPS_ANSWERS.of: Sentence(
        f"{{events}} detractors{{of}} in NPS surveys in {{window}} {_BASELINE}", nps.SCORE
    ),
    CSAT_ANSWERS.of: Sentence(
        f"{{events}} unsatisfied customers{{of}} in CSAT surveys in {{window}} {_BASELINE}", csat.RATIO
    ),
    ANSWERS_MISSING.of: Sentence(
        "Only {events} NPS, CSAT and CES answers{of} in {window} (baseline: {baseline})", nps.SCORE
    ),
}
"""By stream."""


class OpenMatter(NamedTuple):
    """Something open around an incident.

    Attributes:
        family: the family of its number
        texts: the texts for 1 and for other numbers, with `n` and `of` (the label set)
        streams: the streams of the incidents that it belongs to
    """

    family: Family
    texts: tuple[str, str]
    streams: frozenset[str]


OPEN = (
    OpenMatter(
        waiting.OVER,
        ("{n} ticket{of} waits over target", "{n} tickets{of} wait over target"),
        frozenset(SENTENCES),
    ),
    OpenMatter(
        churn.CANCEL_SCHEDULED,
        ("{n} customer{of} has given notice", "{n} customers{of} have given notice"),
        frozenset((LEAVING_CUSTOMERS.of, PAYMENT_CHURN.of)),
    ),
)


class Surroundings(Protocol):
    """The figures and notes around an incident. `now` is in ms, `views` has the names of the labels of each view."""

    now: int
    views: Mapping[str, tuple[str, ...]]

    def figure(self, family: Family, labels: LabelSet) -> float | None:
        """Return a figure without a window, None if it is not complete."""

    def notes(self, first: int, last: int) -> Sequence[ShownNote]:
        """Return the notes of a time in ms, none if they are not complete."""


class Card(NamedTuple):
    """The clauses about a finding of a stream."""

    of: str
    known: Known
    clauses: tuple[Clause, ...]

    @property
    def text(self) -> str:
        """The clauses in one text. Notes belong to the beginning before them."""
        parts = (f"{', ' if clause.kind == 'note' else '; '}{clause.text}" for clause in self.clauses)
        return "".join(parts).removeprefix("; ")


def card(of: str, known: Known, around: Surroundings) -> Card:
    """Return the card of a finding."""
    return Card(of, known, tuple(_Clauses(of, known, around)))


class _Clauses:
    """The clauses of a card, in their order."""

    def __init__(self, of: str, known: Known, around: Surroundings) -> None:
        self._of = of
        self._known = known
        self._around = around
        self._sentence = SENTENCES[of]
        first = known.places[0] if known.places else None
        self._focus = first.name if first and first.events >= known.finding.events else known.labels
        """The label set that has all events."""

    def __iter__(self) -> Iterator[Clause]:
        yield self._events()
        yield from self._where()
        yield from self._reasons()
        yield from self._since()
        yield from self._open()

    def _pairs(self, labels: LabelSet) -> dict[str, str]:
        return dict(zip(self._around.views[labels.view], labels.values, strict=True))

    def _name(self, labels: LabelSet) -> str:
        return " ".join(f"{name} {value}" for name, value in self._pairs(labels).items())

    def _of_label_set(self, labels: LabelSet) -> str:
        return f" of {self._name(labels)}" if labels.values else ""

    def _figure(self, series: str, value: float, labels: LabelSet | None = None, **more: str) -> Figure:
        shown = self._known.labels if labels is None else labels
        return Figure(series, {"view": shown.view, **self._pairs(shown), **more}, value)

    def _clause(
        self, kind: Kind, text: str, *figures: Figure, view: str = "", family: Family | None = None
    ) -> Clause:
        family = family or self._sentence.shown
        return Clause(kind, text, figures, tile_id(family), view or self._focus.view)

    def _events(self) -> Clause:
        finding, sentence, labels = self._known.finding, self._sentence, self._known.labels
        figures = [
            self._figure("cx_unusual_events", finding.events, of=self._of),
            self._figure("cx_unusual_baseline_events", finding.baseline_events, of=self._of),
            self._figure("cx_unusual_window_seconds", finding.window_seconds, of=self._of),
        ]
        size = None if sentence.size is None else self._around.figure(sentence.size, labels)
        if size is not None and sentence.size is not None:
            figures.append(self._figure(sentence.size.name, size))
        text = sentence.text.format(
            of=self._of_label_set(labels),
            window=span_text(finding.window_seconds),
            size="" if size is None else f" of {size:.0f}",
            **_numbers(sentence, finding),
        )
        return self._clause("events", text, *figures)

    def _where(self) -> Iterator[Clause]:
        # views can have the same labels
        by_name = {self._name(standout.name): standout for standout in reversed(self._known.places)}
        for name, standout in reversed(by_name.items()):
            n = standout.events
            figure = self._figure(WHERE_EVENTS, n, of=self._of, text=name)
            yield self._clause("where", f"{self._number(n)} in {name}", figure, view=standout.name.view)
        for labels, finding in self._known.related:
            figure = self._figure("cx_unusual_events", finding.events, labels, of=self._of)
            yield self._clause("where", f"unusual in {self._name(labels)}", figure, view=labels.view)

    def _reasons(self) -> Iterator[Clause]:
        for reason, n, _ in self._known.reasons:
            figure = self._figure(REASON_EVENTS, n, of=self._of, reason=reason)
            yield self._clause("reason", f"{self._number(n)} say `{reason}`", figure)

    def _number(self, n: int) -> str:
        return "all" if n == self._known.finding.events else str(n)

    def _since(self) -> Iterator[Clause]:
        since = self._known.since
        if since is None:
            return
        figure = self._figure(SINCE_SECONDS, since.time / 1000, of=self._of)
        yield self._clause("since", since_text(since, self._around.now), figure)
        for note in self._notes(since):
            seconds = (since.time - note.time) / 1000
            figure = self._figure(NOTE_SECONDS, seconds, of=self._of, text=note.text)
            yield self._clause("note", note_text(note.text, seconds), figure)

    def _notes(self, since: Since) -> list[ShownNote]:
        """Return the notes of the hour before the beginning that are not about other label sets, the newest first."""
        pairs = self._pairs(self._known.labels) | self._pairs(self._focus)
        notes = self._around.notes(since.time - NOTES_BEFORE, since.time + since.step - 1)
        fitting = {
            note.text: note  # of several with one text, the newest
            for note in notes
            if all(pairs.get(name, value) == value for name, value in note.dimensions.items())
        }
        return sorted(fitting.values(), key=lambda note: (-note.time, note.note_id))[:MAX_NOTES]

    def _open(self) -> Iterator[Clause]:
        for family, (single, several), streams in OPEN:
            n = self._around.figure(family, self._focus) if self._of in streams else None
            if n:
                text = (single if n == 1 else several).format(
                    n=f"{n:.0f}", of=self._of_label_set(self._focus)
                )
                yield self._clause("open", text, self._figure(family.name, n, self._focus), family=family)


def _numbers(sentence: Sentence, finding: Finding) -> dict[str, str]:
    """Return the texts of the events and of the baseline, which is rounded up if it is an upper bound."""
    if sentence.is_duration:
        events, baseline = (duration_text(n) for n in (finding.events, finding.baseline_events))
    else:
        is_bound = _BASELINE in sentence.text
        events = f"{finding.events:.0f}"
        baseline = f"{ceil(finding.baseline_events) if is_bound else finding.baseline_events:.0f}"
    return {"events": events, "baseline": baseline}


def tile_id(family: Family) -> str:
    """Return the name of the first tile that shows a family, as in the address of the live page."""
    return encode(tile_of(next(shown for shown in HEADLINES if shown.headline.family == family)))


def span_text(seconds: int) -> str:
    """Return a length as `6 minutes`, `1 hour`, `1.5 hours` or `3 days`, as summaries of alerts do. 24 hours are no day."""
    if seconds > 86_400:
        unit, size = "day", 86_400
    else:
        unit, size = ("hour", 3_600) if seconds >= 3_600 else ("minute", 60)
    return f"{seconds / size:g} {unit}{'' if seconds == size else 's'}"


def duration_text(seconds: float) -> str:
    """Return a duration as `25 s` or `4 min 10 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def since_text(since: Since, now: int) -> str:
    """Return the beginning as `began 16:21 UTC`, with its day if it is more than 24 hours ago."""
    moment = datetime.fromtimestamp(since.time / 1000, UTC)
    day = f"{moment.day} {moment:%b} " if now - since.time > DAY else ""
    return f"began {day}{moment:%H:%M} UTC"


def note_text(text: str, seconds: float) -> str:
    """Return how long after a note an incident began. It may be in the bucket of the beginning."""
    minutes = floor(seconds * 1000 / MINUTE + 0.5)
    if minutes < 1:
        return f"at the time of note {text}"
    return f"{minutes} minute{'' if minutes == 1 else 's'} after note {text}"
