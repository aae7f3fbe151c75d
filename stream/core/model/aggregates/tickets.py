"""Aggregates of `cx.tickets`."""

from stream.core.model.aggregate import HISTOGRAM_SPAN, Aggregate, AggregateName, Layout, Vector
from stream.core.model.histogram import record
from stream.core.model.money import split
from stream.core.model.time_buckets import DAY

WEEK = 7 * DAY
"""Time after a solve within which a reopening or another ticket is a repeat contact, in ms."""


class ResponseTimeLayout(Layout):
    """First responses over their target, solves without a first response, and durations of first responses."""

    LATE, UNANSWERED = range(2)
    RESPONSES = HISTOGRAM_SPAN
    histograms = (RESPONSES,)


class WaitingLayout(Layout):
    """Open contact cycles: at the minute of the opening, and at the first minute that begins after the target."""

    OPENED, DUE = range(2)


class ResolutionLayout(Layout):
    """Reopenings, and durations to solves.

    `ONCE` holds first solves that are also the last ones, `FULL` and `FIRST` the last and first solves of the other
    tickets. The bases differ from those of responses, so that business hours can hold all of them.
    """

    REOPENINGS = 0
    ONCE, FULL, FIRST = 2 * HISTOGRAM_SPAN, 3 * HISTOGRAM_SPAN, 4 * HISTOGRAM_SPAN
    histograms = (ONCE, FULL, FIRST)


class OpenTicketsLayout(Layout):
    """Unresolved tickets at the minute of their creation."""

    TICKETS = 0


class HandoffLayout(Layout):
    """Durations from a bot's handoff to the next agent message."""

    RESPONSES = HISTOGRAM_SPAN
    histograms = (RESPONSES,)


class BusinessLayout(Layout):
    """Durations of first responses and solves in business hours."""

    LATE = ResponseTimeLayout.LATE
    RESPONSES = ResponseTimeLayout.RESPONSES
    ONCE, FULL, FIRST = ResolutionLayout.ONCE, ResolutionLayout.FULL, ResolutionLayout.FIRST
    histograms = (RESPONSES, ONCE, FULL, FIRST)


class FcrLayout(Layout):
    """Tickets by the result of their first solve by people, and tickets first solved by bots or time-outs."""

    FIRST_CONTACT, OTHER, BY_BOT, BY_TIMEOUT = range(4)


class HandleLayout(Layout):
    """Abandoned interactions, legs, and handle times."""

    ABANDONED, LEGS = range(2)
    HANDLED = HISTOGRAM_SPAN
    histograms = (HANDLED,)
    pairs = (LEGS,)


FIRST_RESPONSE = Aggregate(
    AggregateName("first_response"),
    ResponseTimeLayout,
    long_retention=True,
    event_components=(ResponseTimeLayout.RESPONSES, ResponseTimeLayout.UNANSWERED),
)
WAITING = Aggregate(AggregateName("waiting"), WaitingLayout, "open_items", long_retention=True)
RESOLUTION = Aggregate(
    AggregateName("resolution"),
    ResolutionLayout,
    long_retention=True,
    event_components=(
        ResolutionLayout.REOPENINGS,
        ResolutionLayout.ONCE,
        ResolutionLayout.FULL,
        ResolutionLayout.FIRST,
    ),
)
OPEN_TICKETS = Aggregate(AggregateName("open"), OpenTicketsLayout, "open_items", long_retention=True)
HANDOFF = Aggregate(
    AggregateName("handoff"), HandoffLayout, long_retention=True, event_components=(HandoffLayout.RESPONSES,)
)
BUSINESS = Aggregate(
    AggregateName("business"),
    BusinessLayout,
    long_retention=True,
    event_components=(
        BusinessLayout.RESPONSES,
        BusinessLayout.ONCE,
        BusinessLayout.FULL,
        BusinessLayout.FIRST,
    ),
)
FCR = Aggregate(
    AggregateName("fcr"), FcrLayout, lagged=True, long_retention=True, event_components=(0, 1, 2, 3)
)
HANDLE = Aggregate(
    AggregateName("handle"), HandleLayout, event_components=(HandleLayout.ABANDONED, HandleLayout.HANDLED)
)
ALL = (FIRST_RESPONSE, WAITING, RESOLUTION, OPEN_TICKETS, HANDOFF, BUSINESS, FCR, HANDLE)


def add_response(into: Vector, elapsed: int, target: int, start: int) -> None:
    """Add a response after `elapsed` ms to the flat vector of a minute that begins at `start`."""
    record(into, start | ResponseTimeLayout.RESPONSES, elapsed)
    if elapsed > target:
        late = start | ResponseTimeLayout.LATE
        into[late] = into.get(late, 0) + 1


def handle_vector(outcome: str, handle_ms: int, legs: int) -> Vector:
    """Return the vector of an interaction. It is empty if a bot handled it."""
    if outcome == "abandoned":
        return {HandleLayout.ABANDONED: 1}
    vector: Vector = {}
    if outcome == "handled":
        record(vector, HandleLayout.HANDLED, handle_ms)
        vector |= split(legs, HandleLayout.LEGS)
    return vector
