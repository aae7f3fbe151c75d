"""The history of a ticket since its creation: cycles, contacts, solves, reopenings, handoffs, waits."""

from msgspec import Struct

from stream.core.aggregation.tickets.entity import STEP_UNIT, Rank, Solver, Ticket

# Looking a member of an enumeration up takes as long as several comparisons of integers.
_CUSTOMER_MESSAGE, _CONTACT, _HANDOFF = int(Rank.CUSTOMER_MESSAGE), int(Rank.CONTACT), int(Rank.HANDOFF)
_CREATED, _PENDING = int(Rank.CREATED), int(Rank.PENDING)
_ON_HOLD, _SOLVED = int(Rank.ON_HOLD), int(Rank.SOLVED)
_SOLVERS = tuple(Solver)

Interval = tuple[int, int]
"""From and to, in ms."""
Item = tuple[int, int, int]
"""An event of the history: time in ms, rank, and a detail: the solver of a status, the end of a contact in ms."""


class Solve(Struct, gc=False, frozen=True):
    """A step into a resolved status: time in ms, solver, and number of agents' contacts before it."""

    time: int
    by: Solver
    contact_count: int


class Waits(Struct, gc=False, frozen=True):
    """Time in ms until the last solve, by who was waiting. `on_hold` is part of `requester`."""

    requester: int = 0
    agent: int = 0
    on_hold: int = 0


class ContactCycle(Struct, gc=False, frozen=True):
    """A contact cycle, in ms.

    Attributes:
        opened: the opening
        waited_until: the contact or solve that ended the wait, None if the ticket still waits. The opening, of a cycle
            that opens while the ticket is resolved
        answered: the contact, None if there is none (yet)
    """

    opened: int
    waited_until: int | None
    answered: int | None = None


class History(Struct, gc=False):
    """A ticket's history, in ms.

    Attributes:
        created: the creation
        opened_by: who opened it
        contact_cycles: in order, those that a reopening discarded among them
        next_responses: reply cycles that ended likewise
        contact_cycle: the opening of the contact cycle that is open, None if none is
        reply_cycle: the opening of the reply cycle that is open, None if none is
        handoffs: from each handoff to the next contact
        waits: as of the last solve
        first_human_solve: the first solve by people, None if there is none
        reopened: the first reopening after that solve, None if there is none
    """

    created: int
    opened_by: str
    resolved: bool = False
    contact_cycles: list[ContactCycle] = []
    next_responses: list[Interval] = []
    contact_cycle: int | None = None
    reply_cycle: int | None = None
    handoffs: list[Interval] = []
    solves: list[Solve] = []
    reopenings: list[int] = []
    waits: Waits = Waits()
    first_human_solve: Solve | None = None
    reopened: int | None = None

    @property
    def responses(self) -> list[Interval]:
        """The contact cycles that were answered, from opening to contact."""
        return [(cycle.opened, cycle.answered) for cycle in self.contact_cycles if cycle.answered is not None]

    @property
    def open_cycle(self) -> int | None:
        """The opening of the cycle that is open, of either kind. At most one is."""
        return self.reply_cycle if self.contact_cycle is None else self.contact_cycle

    @property
    def unanswered_solves(self) -> list[Solve]:
        """The solves without a contact of an agent before them."""
        return [solve for solve in self.solves if not solve.contact_count]


def history(ticket: Ticket) -> History | None:
    """Return the history of a ticket, None if it was never created, was merged or deleted."""
    if ticket.created is None or ticket.removed:
        return None
    walk = _Walk(ticket.created.time, ticket.created.opened_by)
    for time, rank, detail in _items(ticket, ticket.created.time):
        if rank == _CUSTOMER_MESSAGE:
            walk.customer_message(time)
        elif rank == _CONTACT:
            walk.contact(time, detail)
        elif rank == _HANDOFF:
            walk.pending_handoffs.append(time)
        elif rank >= _SOLVED:
            walk.solve(time, _SOLVERS[detail])
        else:
            walk.unresolved_status(time, rank)
    walk.note_contact_cycle(None)
    return walk.history


def _items(ticket: Ticket, created: int) -> list[Item]:
    """Return the events that count, in order. All that is not before the creation's moment sorts after it."""
    items: list[Item] = [(time, _CUSTOMER_MESSAGE, 0) for time in ticket.customer_messages if time >= created]
    items += [(time, _CONTACT, time) for time in ticket.agent_messages if time >= created]
    if ticket.contacts:  # one that was under way at the creation is a contact of that moment
        contacts = ticket.contacts.values()
        items += [(max(start, created), _CONTACT, end) for start, end in contacts if end >= created]
    items += [(time, code // STEP_UNIT, code % STEP_UNIT) for time, code in ticket.steps if time >= created]
    items.sort()
    return items


class _Walk:
    """The walk through a ticket's events, in order."""

    def __init__(self, created: int, opened_by: str) -> None:
        self.history = History(created, opened_by)
        self.pending_handoffs: list[int] = []
        self._opened_by_agent = opened_by == "agent"
        self._customer_wrote = False
        self._contact_count = 0
        self._covered_until = -1
        """End of the interactions so far: a cycle that opens before it, or at it before contacts, ends at once."""
        self._status = _CREATED
        self._status_since = created
        self._spent: dict[int, int] = {}
        self._waited_until: int | None = None
        """End of the wait in the open contact cycle, None while it lasts."""
        if not self._opened_by_agent:
            self.history.contact_cycle = created

    def customer_message(self, time: int) -> None:
        history, first = self.history, not self._customer_wrote
        self._customer_wrote = True
        if history.open_cycle is not None:
            return
        if first and self._opened_by_agent:
            self._open_contact_cycle(time, _CUSTOMER_MESSAGE)
        elif not history.resolved:
            if self._is_covered(time, _CUSTOMER_MESSAGE):
                history.next_responses.append((time, time))
            else:
                history.reply_cycle = time

    def contact(self, time: int, end: int) -> None:
        history = self.history
        self._contact_count += 1
        self._covered_until = max(self._covered_until, end)
        self.note_contact_cycle(time)
        history.contact_cycle = None
        if history.reply_cycle is not None:
            history.next_responses.append((history.reply_cycle, time))
            history.reply_cycle = None
        history.handoffs += [(handed, time) for handed in self.pending_handoffs]
        self.pending_handoffs.clear()

    def solve(self, time: int, by: Solver) -> None:
        history = self.history
        if history.resolved:
            return
        self._spend_until(time)
        history.resolved, history.reply_cycle = True, None
        if self._waited_until is None:
            self._waited_until = time
        solve = Solve(time, by, self._contact_count)
        history.solves.append(solve)
        if history.first_human_solve is None and by == Solver.PEOPLE:
            history.first_human_solve = solve
        spent = self._spent
        on_hold, agent = spent.get(_ON_HOLD, 0), spent.get(_PENDING, 0)
        history.waits = Waits(sum(spent.values()) - agent, agent, on_hold)

    def unresolved_status(self, time: int, status: int) -> None:
        history = self.history
        if history.resolved:
            history.resolved = False
            history.reopenings.append(time)
            if history.first_human_solve is not None and history.reopened is None:
                history.reopened = time
            self.note_contact_cycle(None)
            history.contact_cycle = None
            self._open_contact_cycle(time, status)
        else:
            self._spend_until(time)
        self._status, self._status_since = status, time

    def _open_contact_cycle(self, time: int, rank: int) -> None:
        if self._is_covered(time, rank):
            self.history.contact_cycles.append(ContactCycle(time, time, time))
        else:
            self.history.contact_cycle = time
            self._waited_until = time if self.history.resolved else None

    def note_contact_cycle(self, answered: int | None) -> None:
        """Note the contact cycle that is open, if one is. `answered` in ms, None without a contact."""
        if (opened := self.history.contact_cycle) is not None:
            until = answered if self._waited_until is None else self._waited_until
            self.history.contact_cycles.append(ContactCycle(opened, until, answered))

    def _is_covered(self, time: int, rank: int) -> bool:
        return (time, rank) < (self._covered_until, _CONTACT)

    def _spend_until(self, time: int) -> None:
        self._spent[self._status] = self._spent.get(self._status, 0) + time - self._status_since
