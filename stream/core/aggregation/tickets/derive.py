"""Contributions of a ticket, as a pure function of its history."""

from stream.core.aggregation.tickets.entity import BY_BOT, BY_TIMEOUT, TicketContributions
from stream.core.aggregation.tickets.history import History, Solve
from stream.core.model.aggregate import COMPONENT_BITS, Aggregate, Vector
from stream.core.model.aggregates.tickets import (
    BUSINESS,
    FCR,
    FIRST_RESPONSE,
    HANDOFF,
    OPEN_TICKETS,
    RESOLUTION,
    WAITING,
    FcrLayout,
    HandoffLayout,
    OpenTicketsLayout,
    ResolutionLayout,
    ResponseTimeLayout,
    WaitingLayout,
    add_response,
)
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.business_hours import BusinessHours
from stream.core.model.histogram import record
from stream.core.model.response_targets import ResponseTarget
from stream.core.model.time_buckets import MINUTE

_UNASSISTED = {BY_BOT: FcrLayout.BY_BOT, BY_TIMEOUT: FcrLayout.BY_TIMEOUT}


def derive(
    history_: History, repeated: bool, values: DimensionValues, config: AggregationConfig
) -> TicketContributions:
    """Return the contributions. `values` are the present dimensions. `repeated`: another ticket followed in a week."""
    channel, _, team, priority = (*values, None, None, None, None)[:4]
    target = config.target_table.of(channel, priority)
    hours = config.business_hours(channel, team) if config.calendars else None
    contributions: TicketContributions = {}
    for opened, reply in history_.cycles:
        _add_response(contributions, opened, reply, target, hours)
    if history_.solves:
        _add_solves(contributions, history_, repeated, hours)
    for at in history_.reopenings:
        _count(contributions, RESOLUTION, at, ResolutionLayout.REOPENINGS)
    for handed, reply in history_.handoffs:
        record(_vector_of(contributions, HANDOFF), _position(reply, HandoffLayout.RESPONSES), reply - handed)
    if not history_.resolved:
        _count(contributions, OPEN_TICKETS, history_.created, OpenTicketsLayout.TICKETS)
        if history_.waiting is not None:
            _add_waiting(contributions, history_.waiting, target, hours)
    return contributions


def _vector_of(contributions: TicketContributions, aggregate: Aggregate) -> Vector:
    return contributions.setdefault(aggregate.name, {})


def _position(at: int, component: int) -> int:
    """Return the position of a component at the minute of a time in ms."""
    return at // MINUTE << COMPONENT_BITS | component


def _count(contributions: TicketContributions, aggregate: Aggregate, at: int, component: int) -> None:
    into, order = _vector_of(contributions, aggregate), _position(at, component)
    into[order] = into.get(order, 0) + 1


def _add_response(
    contributions: TicketContributions,
    opened: int,
    reply: int,
    target: ResponseTarget,
    hours: BusinessHours | None,
) -> None:
    start = _position(reply, 0)
    add_response(_vector_of(contributions, FIRST_RESPONSE), reply - opened, target.duration, start)
    if hours is not None:
        worked = hours.between(opened, reply)
        add_response(_vector_of(contributions, BUSINESS), worked, target.duration, start)


def _stages(history_: History) -> list[tuple[int, Solve]]:
    """Return the solves that have a resolution time, each with the first component of its distribution."""
    first, last = history_.solves[0], history_.solves[-1]
    if not history_.resolved:
        return [(ResolutionLayout.FIRST, first)]
    if first is last:
        return [(ResolutionLayout.ONCE, first)]
    return [(ResolutionLayout.FIRST, first), (ResolutionLayout.FULL, last)]


def _add_solves(
    contributions: TicketContributions, history_: History, repeated: bool, hours: BusinessHours | None
) -> None:
    first = history_.solves[0]
    for base, solve in _stages(history_):
        start = _position(solve.time, base)
        record(_vector_of(contributions, RESOLUTION), start, solve.time - history_.created)
        if hours is not None:
            record(_vector_of(contributions, BUSINESS), start, hours.between(history_.created, solve.time))
    for solve in history_.solves:
        if not solve.reply_count:
            _count(contributions, FIRST_RESPONSE, solve.time, ResponseTimeLayout.UNANSWERED)
    if (by := _UNASSISTED.get(first.by)) is not None:
        _count(contributions, FCR, first.time, by)
    if history_.first_human_solve is not None:
        held = history_.first_contact and not repeated
        _count(
            contributions,
            FCR,
            history_.first_human_solve.time,
            FcrLayout.FIRST_CONTACT if held else FcrLayout.OTHER,
        )


def _add_waiting(
    contributions: TicketContributions, opened: int, target: ResponseTarget, hours: BusinessHours | None
) -> None:
    due: int | None = opened + target.duration
    if target.hours == "business" and hours is not None:
        due = hours.after(opened, target.duration)
    _count(contributions, WAITING, opened, WaitingLayout.OPENED)
    if due is not None:
        _count(contributions, WAITING, due + MINUTE, WaitingLayout.DUE)
