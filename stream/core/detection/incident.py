"""What the panes know of the findings that are alerts: since when, which label sets carry them, with which reason codes.

Reason codes exist of churns, and of answers to NPS and CSAT surveys. An incident is a function of panes and of the minute.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from stream.core.detection import scores
from stream.core.detection.finding import Finding
from stream.core.detection.incident_standouts import MAX_SHOWN, Standout, standing_out
from stream.core.detection.incident_start import Since, began
from stream.core.detection.judge import Judge
from stream.core.detection.share_baseline import OVERDUE
from stream.core.detection.stream_events import Span, StreamEvents
from stream.core.detection.streams import (
    ANSWERS_LATE,
    CSAT_ANSWERS,
    EVENT,
    LEAVING_CUSTOMERS,
    NPS_ANSWERS,
    PAYMENT_CHURN,
    REOPENINGS,
)
from stream.core.model.aggregate import Aggregate, OwnLabels
from stream.core.model.aggregates.customers import CHURNED, UNKNOWN, ChurnedLayout
from stream.core.model.aggregates.feedback import CSAT, NPS, REASONS, CsatLayout, NpsLayout, ReasonsLayout
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import RollingWindows

MONTH = scores.MONTH
"""Length in ms of the time whose part before the window is the baseline of reason codes and of label sets."""
STEP = 50
"""Label sets that are counted in one step."""
Entry = tuple[OwnLabels, int, int]
"""Own labels, component and integer of a pane."""


class ReasonSource(NamedTuple):
    """The aggregate that has the reason codes of a stream's events.

    Attributes:
        aggregate: its own labels are `survey` and the code
        survey: the own labels before the code
        component: the component of the events
        everyone: the aggregate with all events and their component, None if each event has exactly one code
    """

    aggregate: Aggregate
    survey: OwnLabels
    component: int
    everyone: tuple[Aggregate, int] | None = None

    def codes(self, entries: Iterable[Entry]) -> dict[str, int]:
        """Return the events by code."""
        counts: dict[str, int] = {}
        for own_labels, component, n in entries:
            if component == self.component and own_labels[:-1] == self.survey:
                counts[own_labels[-1]] = counts.get(own_labels[-1], 0) + n
        return counts


class Carried(NamedTuple):
    """The part of a stream that counts the events of its findings, and the reasons of these events."""

    part: int
    reasons: ReasonSource | None = None


CARRIED: Mapping[str, Carried] = {
    LEAVING_CUSTOMERS.of: Carried(EVENT, ReasonSource(CHURNED, (), ChurnedLayout.VOLUNTARY)),
    PAYMENT_CHURN.of: Carried(EVENT, ReasonSource(CHURNED, (), ChurnedLayout.INVOLUNTARY)),
    ANSWERS_LATE.of: Carried(OVERDUE),
    REOPENINGS.of: Carried(EVENT),
    NPS_ANSWERS.of: Carried(
        scores.DOWN,
        ReasonSource(REASONS, ("nps",), ReasonsLayout.DETRACTORS, (NPS, NpsLayout.DETRACTORS)),
    ),
    CSAT_ANSWERS.of: Carried(
        scores.DOWN,
        ReasonSource(REASONS, ("csat",), ReasonsLayout.UNSATISFIED, (CSAT, CsatLayout.UNSATISFIED)),
    ),
}
"""By stream. The others have findings about means, and about events that are missing, which no label set carries."""
UNNAMED = frozenset((UNKNOWN, OTHER_VALUE))
"""Reasons that are no codes."""


class Known(NamedTuple):
    """What is known of the finding of a label set.

    Attributes:
        labels: the label set
        finding: the finding
        since: the bucket in which it began, None if that is not known
        places: the label sets within this one that stand out among the events of the window
        related: the findings of label sets within this one, alerts or not, if the stream has no events to count
        reasons: the reason codes that stand out among the events of the window
    """

    labels: LabelSet
    finding: Finding
    since: Since | None
    places: tuple[Standout[LabelSet], ...] = ()
    related: tuple[tuple[LabelSet, Finding], ...] = ()
    reasons: tuple[Standout[str], ...] = ()


class Incident(NamedTuple):
    """The findings of a stream that are alerts: that of `total`, if it is one, and the most certain others."""

    of: str
    known: tuple[Known, ...]

    @property
    def anchors(self) -> tuple[Known, ...]:
        """The findings with a card: that of `total`, because the others are in it, otherwise all."""
        return self.known[:1] if self.known[0].labels == TOTAL_LABELS else self.known


class Panes(NamedTuple):
    """The panes of a domain: its judge, its windows, and the time in ms from which on no pane is missing."""

    judge: Judge
    windows: RollingWindows
    complete_since: int

    def within(self, inner: LabelSet, outer: LabelSet) -> bool:
        """Return whether a label set has all labels of another one, and is another one."""
        views = self.windows.config.views
        pairs, wanted = (
            set(zip(views[labels.view], labels.values, strict=True)) for labels in (inner, outer)
        )
        return inner not in (outer, TOTAL_LABELS) and wanted <= pairs


def incidents(panes: Panes, limits: Mapping[str, float]) -> Generator[None, None, list[Incident]]:
    """Return the incidents, in short steps.

    Args:
        panes: the panes of a domain, judged
        limits: by stream, how often a month chance may show a finding that is an alert
    """
    by_stream: dict[str, list[tuple[LabelSet, Finding]]] = {}
    for of, labels, finding in panes.judge.findings():
        by_stream.setdefault(of, []).append((labels, finding))
    result = []
    for of, entries in by_stream.items():
        entries.sort(key=lambda entry: (entry[1].by_chance, entry[0]))
        firing = [entry for entry in entries if entry[1].by_chance < limits.get(of, 0.0)]
        total = [entry for entry in firing if entry[0] == TOTAL_LABELS]
        others = [entry for entry in firing if entry[0] != TOTAL_LABELS]
        known = []
        for labels, finding in [*total, *others[:MAX_SHOWN]]:
            known.append((yield from _known(panes, of, labels, finding, entries)))
        if known:
            result.append(Incident(of, tuple(known)))
    return result


def _known(
    panes: Panes,
    of: str,
    labels: LabelSet,
    finding: Finding,
    entries: Sequence[tuple[LabelSet, Finding]],
) -> Generator[None, None, Known]:
    """Return what is known of a finding. What needs panes that are missing is left out.

    `entries` are all findings of the stream, the most certain first.
    """
    evidence = panes.judge.evidence(of, labels)
    span = Span(evidence.minute, finding.window_seconds * 1000)
    since = began(of, evidence, finding)
    yield
    if since is not None and since.time < panes.complete_since:
        since = None
    known = Known(labels, finding, since)
    if of not in CARRIED:
        related = tuple(entry for entry in entries if panes.within(entry[0], labels))[:MAX_SHOWN]
        return known._replace(related=related)
    if Span(evidence.minute, MONTH).begin < panes.complete_since:
        return known
    places = yield from _places(panes, of, labels, evidence.events, span)
    source = CARRIED[of].reasons
    reasons = () if source is None else (yield from _reasons(panes, source, labels, finding, span))
    return known._replace(places=places, reasons=reasons)


def _places(
    panes: Panes, of: str, outer: LabelSet, events: StreamEvents, span: Span
) -> Generator[None, None, tuple[Standout[LabelSet], ...]]:
    """Return the label sets within another one that stand out among the events of a window."""
    part, month = CARRIED[of].part, Span(span.minute, MONTH)
    counts: dict[LabelSet, int] = {}
    before: dict[LabelSet, int] = {}
    for number, (labels, inner) in enumerate(panes.judge.shown_events(of)):
        if panes.within(labels, outer):
            counts[labels] = inner.count(span, part)
            before[labels] = inner.count(month, part) - counts[labels]
        if number % STEP == STEP - 1:
            yield
    n = events.count(span, part)
    return standing_out(counts, n, before, events.count(month, part) - n)


def _reasons(
    panes: Panes, source: ReasonSource, labels: LabelSet, finding: Finding, span: Span
) -> Generator[None, None, tuple[Standout[str], ...]]:
    """Return the reason codes that stand out among the events of a window.

    A churn at the end of a notice is counted with its reason then, and as leaving at the notice. Where a window has more
    reasons than events, they are those of others, and none stands out.
    """
    counts = source.codes(_entries(panes.windows, source.aggregate, labels, span))
    yield
    month = source.codes(_entries_of_month(panes.windows, source.aggregate, labels))
    yield
    n, n_month = sum(counts.values()), sum(month.values())
    if source.everyone is not None:
        aggregate, component = source.everyone
        entries = (
            _entries(panes.windows, aggregate, labels, span),
            _entries_of_month(panes.windows, aggregate, labels),
        )
        n, n_month = (sum(k for _, part, k in of_time if part == component) for of_time in entries)
    if n > finding.events:
        return ()
    before = {code: k - counts.get(code, 0) for code, k in month.items()}
    return standing_out(counts, n, before, n_month - n, unnamed=UNNAMED)


def _entries(windows: RollingWindows, aggregate: Aggregate, labels: LabelSet, span: Span) -> Iterator[Entry]:
    return windows.between(aggregate.name, labels, span.code, span.first, span.last - 1)


def _entries_of_month(windows: RollingWindows, aggregate: Aggregate, labels: LabelSet) -> Iterator[Entry]:
    sums = windows.shown_sums(aggregate.name, labels)
    for own_labels, vector in () if sums is None else sums.sums.get(windows.last_30_days, {}).items():
        yield from ((own_labels, component, n) for component, n in vector.items())
