"""The history of a ticket since its creation: contact cycles, solves, reopenings, handoffs."""

from bisect import bisect_left, bisect_right

from msgspec import Struct

from stream.core.aggregation.tickets.entity import (
    BY_PEOPLE,
    HANDOFF,
    UNRESOLVED,
    Created,
    EventOrder,
    Ticket,
)
from stream.core.model.aggregates.tickets import WEEK

Interval = tuple[int, int]
"""From and to, in ms."""


class Solve(Struct, gc=False, frozen=True):
    """A step into a resolved status: time in ms, solver, and number of public agent messages before it."""

    time: int
    by: int
    reply_count: int


class History(Struct, gc=False, frozen=True):
    """A ticket's history, in ms.

    `cycles` are the contact cycles that ended, from opening to reply. `waiting` is the opening of one that did not.
    `first_contact`: the first solve by people needed one public agent message, and no reopening followed within seven
    days.
    """

    created: int
    resolved: bool
    cycles: list[Interval]
    waiting: int | None
    solves: list[Solve]
    reopenings: list[int]
    handoffs: list[Interval]
    first_human_solve: Solve | None
    first_contact: bool


def history(ticket: Ticket) -> History | None:
    """Return the history of a ticket, None if it was never created, was merged or deleted."""
    created = ticket.created
    if created is None or ticket.removed:
        return None
    start, replies = created.start, ticket.replies
    early = bisect_left(replies, start)
    solves: list[Solve] = []
    reopenings: list[EventOrder] = []
    handoffs: list[Interval] = []
    first_human_solve: Solve | None = None
    first_contact = resolved = False
    for order, kind in ticket.steps:
        if order < start:
            continue
        if kind == HANDOFF:
            if (reply := _first_after(replies, order)) is not None:
                handoffs.append((order[0], reply[0]))
        elif kind == UNRESOLVED:
            if resolved:
                reopenings.append(order)
                first_contact = (
                    first_contact
                    and first_human_solve is not None
                    and order[0] - first_human_solve.time > WEEK
                )
            resolved = False
        elif not resolved:
            resolved = True
            solves.append(Solve(order[0], kind, bisect_left(replies, order) - early))
            if first_human_solve is None and kind == BY_PEOPLE:
                first_human_solve = solves[-1]
                first_contact = first_human_solve.reply_count == 1
    cycles, waiting = _cycles(_openings(created, reopenings, ticket), replies)
    returns = [at for at, _ in reopenings]
    return History(
        start[0], resolved, cycles, waiting, solves, returns, handoffs, first_human_solve, first_contact
    )


def _first_after(replies: list[EventOrder], order: EventOrder) -> EventOrder | None:
    i = bisect_right(replies, order)
    return replies[i] if i < len(replies) else None


def _openings(created: Created, reopenings: list[EventOrder], ticket: Ticket) -> list[EventOrder]:
    """Return the openings of contact cycles, ascending."""
    if not created.by_agent:
        return [created.start, *reopenings]
    i = bisect_left(ticket.contacts, created.start)
    if i == len(ticket.contacts):
        return reopenings
    contact = ticket.contacts[i]
    before = bisect_left(reopenings, contact)
    if before:
        reply = _first_after(ticket.replies, reopenings[before - 1])
        if reply is None or reply > contact:
            return reopenings
    return [*reopenings[:before], contact, *reopenings[before:]]


def _cycles(openings: list[EventOrder], replies: list[EventOrder]) -> tuple[list[Interval], int | None]:
    """Return the cycles that ended, and the opening of the last if it did not. A reopening discards an open cycle."""
    ended: list[Interval] = []
    last = len(openings) - 1
    for i, opened in enumerate(openings):
        n = bisect_right(replies, opened)
        if n < len(replies) and (i == last or replies[n] < openings[i + 1]):
            ended.append((opened[0], replies[n][0]))
        elif i == last:
            return ended, opened[0]
    return ended, None
