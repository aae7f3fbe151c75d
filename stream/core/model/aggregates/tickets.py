"""Aggregates of `cx.tickets`."""

from stream.core.model.aggregate import HISTOGRAM_SPAN, Aggregate, AggregateName, Layout, Vector
from stream.core.model.histogram import record
from stream.core.model.money import split


class ResponseTimeLayout(Layout):
    """First responses over their target, solves without a contact before, and durations of first responses."""

    LATE, UNANSWERED = range(2)
    RESPONSES = HISTOGRAM_SPAN
    histograms = (RESPONSES,)


class NextResponseLayout(Layout):
    """Durations of next responses."""

    RESPONSES = HISTOGRAM_SPAN
    histograms = (RESPONSES,)


class WaitingLayout(Layout):
    """Open contact cycles: at the minute of the opening, and at the first minute that begins after the target."""

    OPENED, DUE = range(2)


class OpenItemsLayout(Layout):
    """Tickets, at the minute since which they are open or await a reply."""

    TICKETS = 0


class CyclesDueLayout(Layout):
    """Contact cycles by fate: answered in time, at the minute of the reply; overdue, at the minute the target passes."""

    IN_TIME, OVERDUE = range(2)


class InflowLayout(Layout):
    """Tickets created."""

    TICKETS = 0


class ResolutionLayout(Layout):
    """Reopenings, and durations to solves.

    `ONCE` holds first solves that are also the last ones, `FULL` and `FIRST` the last and first solves of the other
    tickets. The bases differ from those of responses, so that business hours can hold all of them.
    """

    REOPENINGS = 0
    ONCE, FULL, FIRST = 2 * HISTOGRAM_SPAN, 3 * HISTOGRAM_SPAN, 4 * HISTOGRAM_SPAN
    histograms = (ONCE, FULL, FIRST)


class StatusWaitLayout(Layout):
    """Of resolved tickets: the sums of agent wait and of time on hold in ms, and durations of requester wait."""

    AGENT, ON_HOLD = 0, 2
    REQUESTER = HISTOGRAM_SPAN
    histograms = (REQUESTER,)
    pairs = (AGENT, ON_HOLD)


class HandoffLayout(Layout):
    """Durations from a bot's handoff to the next contact of an agent."""

    RESPONSES = HISTOGRAM_SPAN
    histograms = (RESPONSES,)


class BusinessLayout(Layout):
    """Durations of first responses and solves in business hours."""

    LATE = ResponseTimeLayout.LATE
    RESPONSES = ResponseTimeLayout.RESPONSES
    ONCE, FULL, FIRST = ResolutionLayout.ONCE, ResolutionLayout.FULL, ResolutionLayout.FIRST
    histograms = (RESPONSES, ONCE, FULL, FIRST)


class UnassistedLayout(Layout):
    """Tickets whose first solve was by a bot or a time-out."""

    BY_BOT, BY_TIMEOUT = range(2)


class OrphansLayout(Layout):
    """Tickets of which events are known, but no creation."""

    TICKETS = 0


class HandleLayout(Layout):
    """Abandoned interactions; legs; handle times; talk, hold and wrap-up in ms."""

    ABANDONED, LEGS = range(2)
    TALK, HOLD, WRAP = 3, 5, 7
    HANDLED = HISTOGRAM_SPAN
    histograms = (HANDLED,)
    pairs = (LEGS, TALK, HOLD, WRAP)


class QueueLayout(Layout):
    """Of interactions that give their wait: handled ones within the target, abandoned ones, waits of handled ones."""

    WITHIN, ABANDONED = range(2)
    WAITS = HISTOGRAM_SPAN
    histograms = (WAITS,)


FIRST_RESPONSE = Aggregate(
    AggregateName("first_response"),
    ResponseTimeLayout,
    entities_kept="closed",
    event_components=(ResponseTimeLayout.RESPONSES, ResponseTimeLayout.UNANSWERED),
)
NEXT_RESPONSE = Aggregate(
    AggregateName("next_response"),
    NextResponseLayout,
    entities_kept="closed",
    event_components=(NextResponseLayout.RESPONSES,),
)
WAITING = Aggregate(AggregateName("waiting"), WaitingLayout, "open_items", entities_kept="closed")
AWAITING_REPLY = Aggregate(AggregateName("awaiting"), OpenItemsLayout, "open_items", entities_kept="closed")
"""Unresolved tickets with an open cycle of either kind, at the minute of its opening."""
CYCLES_DUE = Aggregate(
    AggregateName("cycles_due"), CyclesDueLayout, "due_flow", entities_kept="closed", event_components=()
)
"""A cycle that waits is `OVERDUE` at the minute of its target from its opening on, which may lie ahead of the clock.

A reply in time moves it to `IN_TIME`, a solve before the target removes it. It counts no events for the ranking of label
values, because first responses do."""
INFLOW = Aggregate(AggregateName("inflow"), InflowLayout, entities_kept="closed")
"""By who opened them."""
RESOLUTION = Aggregate(
    AggregateName("resolution"),
    ResolutionLayout,
    entities_kept="closed",
    event_components=(
        ResolutionLayout.REOPENINGS,
        ResolutionLayout.ONCE,
        ResolutionLayout.FULL,
        ResolutionLayout.FIRST,
    ),
)
STATUS_WAIT = Aggregate(
    AggregateName("status_wait"),
    StatusWaitLayout,
    entities_kept="closed",
    event_components=(StatusWaitLayout.REQUESTER,),
)
OPEN_TICKETS = Aggregate(AggregateName("open"), OpenItemsLayout, "open_items", entities_kept="closed")
"""Unresolved tickets at the minute of their creation."""
HANDOFF = Aggregate(
    AggregateName("handoff"),
    HandoffLayout,
    entities_kept="closed",
    event_components=(HandoffLayout.RESPONSES,),
)
BUSINESS = Aggregate(
    AggregateName("business"),
    BusinessLayout,
    entities_kept="closed",
    event_components=(
        BusinessLayout.RESPONSES,
        BusinessLayout.ONCE,
        BusinessLayout.FULL,
        BusinessLayout.FIRST,
    ),
)
UNASSISTED = Aggregate(
    AggregateName("unassisted"), UnassistedLayout, entities_kept="closed", event_components=(0, 1)
)
ORPHANS = Aggregate(AggregateName("orphans"), OrphansLayout, "stock", entities_kept="closed")
HANDLE = Aggregate(
    AggregateName("handle"), HandleLayout, event_components=(HandleLayout.ABANDONED, HandleLayout.HANDLED)
)
QUEUE = Aggregate(
    AggregateName("queue"), QueueLayout, event_components=(QueueLayout.ABANDONED, QueueLayout.WAITS)
)
ALL = (
    FIRST_RESPONSE,
    NEXT_RESPONSE,
    WAITING,
    AWAITING_REPLY,
    CYCLES_DUE,
    INFLOW,
    RESOLUTION,
    STATUS_WAIT,
    OPEN_TICKETS,
    HANDOFF,
    BUSINESS,
    UNASSISTED,
    ORPHANS,
    HANDLE,
    QUEUE,
)


def handle_vector(outcome: str, talk: int, hold: int, wrap: int, legs: int) -> Vector:
    """Return the vector of an interaction, with its parts in ms. It is empty if a bot handled it."""
    if outcome == "abandoned":
        return {HandleLayout.ABANDONED: 1}
    vector: Vector = {}
    if outcome == "handled":
        record(vector, HandleLayout.HANDLED, talk + hold + wrap)
        vector |= split(legs, HandleLayout.LEGS)
        for base, part in ((HandleLayout.TALK, talk), (HandleLayout.HOLD, hold), (HandleLayout.WRAP, wrap)):
            vector |= split(part, base)
    return vector


def queue_vector(outcome: str, wait: int | None, target: int) -> Vector:
    """Return the vector of an interaction's wait in ms, empty if it gives none or a bot handled it."""
    if wait is None or outcome == "bot":
        return {}
    if outcome == "abandoned":
        return {QueueLayout.ABANDONED: 1}
    vector: Vector = {QueueLayout.WITHIN: 1} if wait <= target else {}
    record(vector, QueueLayout.WAITS, wait)
    return vector
