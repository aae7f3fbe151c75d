"""The lists of tickets behind the figures. Each list has the tickets of one figure, by the functions that derive it.

| list | figure |
|---|---|
| `waiting` | `cx_waiting_tickets` |
| `over-target` | `cx_waiting_over_target_tickets` |
| `awaiting-reply` | `cx_awaiting_reply_tickets` |
| `orphans` | `cx_orphan_tickets` |
| `reopened` | `cx_reopenings`, a row for each reopening |
| `unanswered` | `cx_resolved_unanswered_tickets`, a row for each solve |
"""

from collections.abc import Iterator
from typing import NamedTuple

from stream.core.aggregation.entity_store import merge_values
from stream.core.aggregation.tickets.attributes import Attributes
from stream.core.aggregation.tickets.entity import Ticket, unpack
from stream.core.aggregation.tickets.history import history
from stream.core.aggregation.tickets.response import overdue_from
from stream.core.model.aggregation_config import NAMED_DIMENSIONS, AggregationConfig, DimensionValues
from stream.core.model.listing import WINDOWED_LISTS, TicketListName, TicketRow
from stream.core.model.time_buckets import MINUTE, Window

_SHOWN = tuple(NAMED_DIMENSIONS.index(name) for name in ("channel", "team", "priority"))

Shown = tuple[str | None, str | None, str | None]
"""Channel, team and priority."""
Moment = tuple[int, Shown]
"""A moment in ms, with the values that hold for it."""


class ListedTicket(NamedTuple):
    """The moments by which a ticket is in lists, as far as the ticket alone decides.

    Attributes:
        overdue_from: the first moment (ms) at which it is over its target, None if there is none
        orphan: its last record
    """

    waiting: Moment | None = None
    overdue_from: int | None = None
    awaiting_reply: Moment | None = None
    orphan: Moment | None = None
    reopened: tuple[Moment, ...] = ()
    unanswered: tuple[Moment, ...] = ()

    def moments(self, name: TicketListName, window: Window, now: int) -> Iterator[Moment]:
        """Yield the moments by which the ticket is in a list at `now` (ms). Only some lists have a window."""
        if name in WINDOWED_LISTS:
            moments = self.reopened if name == "reopened" else self.unanswered
            yield from (moment for moment in moments if window.contains(moment[0], now))
            return
        moment = {"orphans": self.orphan, "awaiting-reply": self.awaiting_reply}.get(name, self.waiting)
        if moment is not None and (name != "over-target" or self._is_over_target(now)):
            yield moment

    def _is_over_target(self, now: int) -> bool:
        """Return whether a minute has begun since it is over its target, as the figure counts it."""
        return self.overdue_from is not None and self.overdue_from <= now // MINUTE * MINUTE


def rows(
    ticket_id: str, ticket: ListedTicket, name: TicketListName, window: Window, now: int
) -> Iterator[TicketRow]:
    """Yield the rows of a ticket in a list at `now` (ms)."""
    for time, shown in ticket.moments(name, window, now):
        yield TicketRow(time, ticket_id, *shown)


def listed(raw: bytes, config: AggregationConfig) -> ListedTicket | None:
    """Return the moments of a packed ticket, None if it is in no list."""
    ticket = unpack(raw)
    if ticket.is_orphan:
        return ListedTicket(orphan=(ticket.last_record, _shown(_values_of_orphan(ticket))))
    past = history(ticket)
    if past is None:
        return None
    unanswered = past.unanswered_solves
    if past.resolved and not unanswered and not past.reopenings:
        return None
    attributes = Attributes(ticket)
    present = _shown(attributes.present)
    waiting = awaiting = overdue = None
    if not past.resolved:
        if past.open_cycle is not None:
            awaiting = (past.open_cycle, present)
        if past.contact_cycle is not None:
            waiting = (past.contact_cycle, present)
            overdue = overdue_from(past.contact_cycle, attributes.present, config)
    ticket_in_lists = ListedTicket(
        waiting,
        overdue,
        awaiting,
        None,
        tuple((time, _shown(attributes.at(time))) for time in past.reopenings),
        tuple((solve.time, _shown(attributes.at(solve.time))) for solve in unanswered),
    )
    return ticket_in_lists if any(ticket_in_lists) else None


def _values_of_orphan(ticket: Ticket) -> DimensionValues:
    values: DimensionValues = ()
    for update in ticket.updates:
        values = merge_values(values, update.values)
    return values


def _shown(values: DimensionValues) -> Shown:
    channel, team, priority = (values[i] if i < len(values) else None for i in _SHOWN)
    return channel, team, priority
