"""The streams of events that detectors watch: which components of which aggregates they are made of."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from stream.core.detection.baseline import Baseline
from stream.core.detection.counts import scan_counts
from stream.core.detection.finding import Finding
from stream.core.detection.leaving import DEPTH, detect_leaving
from stream.core.detection.means import NUMBER, SQUARES, SUM, logarithm, scan_means
from stream.core.detection.missing import scan_missing
from stream.core.detection.routine import scan_routine
from stream.core.detection.scores import DOWN, NEUTRAL, UP, scan_scores
from stream.core.detection.share_baseline import IN_TIME, OVERDUE, ShareBaseline
from stream.core.detection.shares import scan_shares
from stream.core.detection.stream_events import StreamEvents
from stream.core.model.aggregate import Aggregate
from stream.core.model.aggregates.customers import CHURNED, LEAVING, ChurnedLayout, LeavingLayout
from stream.core.model.aggregates.feedback import (
    CES,
    CSAT,
    NPS,
    CesLayout,
    CsatLayout,
    NpsLayout,
)
from stream.core.model.aggregates.tickets import (
    CYCLES_DUE,
    HANDLE,
    RESOLUTION,
    CyclesDueLayout,
    HandleLayout,
    ResolutionLayout,
)
from stream.core.model.histogram import BUCKETS, SPAN, bucket_midpoint
from stream.core.model.time_buckets import HOUR

Part = tuple[int, int]
"""An integer of a stream, and by how much an event of the component changes it."""
EVENT, OTHER = range(2)
"""Positions of the integers of a stream of counts: its events, and events that only show that there is history."""


class Evidence(Protocol):
    """The events of a label set as a detector sees them."""

    @property
    def events(self) -> StreamEvents:
        """Its events."""

    @property
    def minute(self) -> int:
        """The present, in minutes since the epoch."""

    @property
    def weight(self) -> float:
        """The share of the false alarms of its stream that it may have."""

    def baseline(self, depth: int) -> Baseline:
        """Return its baseline for so many hours back."""

    def shares(self) -> ShareBaseline:
        """Return the baseline of its shares."""

    def is_marked(self) -> bool:
        """Return whether the feed tells the events of `EVENT` from those of `OTHER`: see `tells_apart`."""


class Stream(NamedTuple):
    """A stream of events and its detector.

    Attributes:
        of: the label value of its series
        title: what its events are
        components: by aggregate, a function that returns the parts that an event of a component changes
        width: the number of parts
        sized: the parts whose sum is the number of events, by which the smallest label sets are skipped
        detect: the detector
    """

    of: str
    title: str
    components: Mapping[Aggregate, Callable[[int], tuple[Part, ...]]]
    width: int
    sized: tuple[int, ...]
    detect: Callable[[Evidence], Finding | None]

    @property
    def ahead(self) -> bool:
        """Whether its events may lie ahead of the present."""
        return any(aggregate.kind == "due_flow" for aggregate in self.components)


def tells_apart(events: Sequence[int], others: Sequence[int]) -> bool:
    """Return whether counts of events by hour differ from those of others.

    If every churn of 35 days is also the decision to leave, the feed has neither notices nor involuntary churns.
    """
    return events != others or not any(events)


def _leaving(evidence: Evidence) -> Finding | None:
    base = evidence.baseline(DEPTH)
    if evidence.is_marked():
        return detect_leaving(evidence.events, base, evidence.minute, evidence.weight)
    return scan_routine(evidence.events, base, evidence.minute)


def _table(parts: Mapping[int, int]) -> Callable[[int], tuple[Part, ...]]:
    """Return the function of components that count one event of a part each."""
    pairs = {component: ((part, 1),) for component, part in parts.items()}
    return lambda component: pairs.get(component, ())


@cache
def _handled(component: int) -> tuple[Part, ...]:
    bucket = component - HandleLayout.HANDLED - BUCKETS
    if not 0 <= bucket < SPAN - BUCKETS:
        return ()
    value = logarithm(bucket_midpoint(bucket))
    return (NUMBER, 1), (SUM, value), (SQUARES, value * value)


LEAVING_CUSTOMERS = Stream(
    "leaving",
    "customers who decided to leave",
    # churns show that there is history, of whatever kind
    {LEAVING: _table({LeavingLayout.CUSTOMERS: EVENT}), CHURNED: _table(dict.fromkeys((0, 1), OTHER))},
    2,
    (EVENT,),
    _leaving,
)
ANSWERS_LATE = Stream(
    "answers_late",
    "contact cycles whose target passed without an answer",
    {CYCLES_DUE: _table({CyclesDueLayout.IN_TIME: IN_TIME, CyclesDueLayout.OVERDUE: OVERDUE})},
    2,
    (IN_TIME, OVERDUE),
    lambda e: scan_shares(e.events, e.shares, e.minute),
)
PAYMENT_WINDOWS = tuple(hours * HOUR for hours in (1, 4, 12, 24, 72))
REOPENING_WINDOWS = tuple(hours * HOUR for hours in (6, 12, 24, 72, 168))
PAYMENT_DEPTH, REOPENING_DEPTH, ANSWERS_DEPTH = 72, 168, 24
"""Hours before the present that the baseline of these streams has: their longest window. The judge keeps one for a label set."""
_SCORES = (DOWN, NEUTRAL, UP)

PAYMENT_CHURN = Stream(
    "payment_churn",
    "involuntary churns, failed payments among them",
    {CHURNED: _table({ChurnedLayout.INVOLUNTARY: EVENT, ChurnedLayout.VOLUNTARY: OTHER})},
    2,
    (EVENT,),
    lambda e: scan_counts(
        e.events,
        e.baseline(PAYMENT_DEPTH),
        e.minute,
        PAYMENT_WINDOWS,
        times=2.5,
        least=4,
        monthly=True,
    ),
)
REOPENINGS = Stream(
    "reopenings",
    "reopened tickets",
    {
        RESOLUTION: _table(
            {
                ResolutionLayout.REOPENINGS: EVENT,
                ResolutionLayout.ONCE: OTHER,
                ResolutionLayout.FULL: OTHER,
                ResolutionLayout.FIRST: OTHER,
            }
        )
    },
    2,
    (EVENT,),
    lambda e: scan_counts(
        e.events, e.baseline(REOPENING_DEPTH), e.minute, REOPENING_WINDOWS, times=1.5, least=5
    ),
)
HANDLE_TIME = Stream(
    "handle_time",
    "seconds of a typical interaction (the geometric mean)",
    {HANDLE: _handled},
    3,
    (NUMBER,),
    lambda e: scan_means(e.events, e.minute),
)
NPS_ANSWERS = Stream(
    "nps",
    "detractors, where the NPS is lower",
    {NPS: _table({NpsLayout.DETRACTORS: DOWN, NpsLayout.PASSIVES: NEUTRAL, NpsLayout.PROMOTERS: UP})},
    3,
    _SCORES,
    lambda e: scan_scores(e.events, e.minute, 0.05),
)
CSAT_ANSWERS = Stream(
    "csat",
    "unsatisfied answers, where the CSAT is lower",
    {CSAT: _table({CsatLayout.UNSATISFIED: DOWN, CsatLayout.SATISFIED: UP})},
    3,
    _SCORES,
    lambda e: scan_scores(e.events, e.minute, 0.06),
)
ANSWERS_MISSING = Stream(
    "answers_missing",
    "answers of NPS, CSAT and CES surveys, where there are fewer",
    {
        NPS: _table(dict.fromkeys(NPS.event_components, EVENT)),
        CSAT: _table(dict.fromkeys(CSAT.event_components, EVENT)),
        CES: _table({CesLayout.EASY: EVENT, CesLayout.NOT_EASY: EVENT}),
    },
    1,
    (EVENT,),
    lambda e: scan_missing(e.events, e.baseline(ANSWERS_DEPTH), e.minute),
)

STREAMS: tuple[Stream, ...] = (
    LEAVING_CUSTOMERS,
    PAYMENT_CHURN,
    ANSWERS_LATE,
    REOPENINGS,
    HANDLE_TIME,
    NPS_ANSWERS,
    CSAT_ANSWERS,
    ANSWERS_MISSING,
)
"""Every stream, in the order of the documents."""
