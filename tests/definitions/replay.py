"""Everything that the life of one ticket gives: facts at their own moments, and what is open now."""

from itertools import pairwise
from typing import Any, NamedTuple

from tests.definitions.events import Position, TicketEvent
from tests.definitions.settings import DAY, Settings
from tests.definitions.ticket import Ticket

PEOPLE = ("agent", "customer", None)
RESOLVED = ("solved", "closed")
LONGEST_WAIT = 100 * DAY
"""Longer than from any event to the end of a history."""


class Fact(NamedTuple):
    """Something that is counted at a time in ms, for dimensions."""

    kind: str
    at: int
    dimensions: dict[str, str]
    values: dict[str, Any]


class Replay:
    """A replay of a ticket with a `created`, step by step."""

    def __init__(self, ticket: Ticket, settings: Settings) -> None:
        assert ticket.created is not None
        self.ticket, self.settings, self.created = ticket, settings, ticket.created
        self.facts: list[Fact] = []
        self.contact_cycle: int | None = None
        self.waited_until: int | None = None
        """When a solve ended the wait in the contact cycle."""
        self.reply_cycle: int | None = None
        self.contacts: list[Position] = []
        self.handoffs: list[int] = []
        self.status, self.status_since = "new", ticket.created.at
        self.spent: dict[str, int] = {}
        self.solves: list[TicketEvent] = []
        self.reopenings: list[TicketEvent] = []
        self.customer_wrote = False
        self._run()

    @property
    def resolved(self) -> bool:
        return self.status in RESOLVED

    def _run(self) -> None:
        self._on_created()
        messages = {event.position for event in self.ticket.messages}
        steps: list[tuple[Position, str, Any]] = [
            (call.contact, "contact", None) for call in self.ticket.calls
        ]
        for event in self.ticket.later:
            if event.position in messages:
                kinds = {"customer": "customer", "agent": "contact"}
                steps.append((event.position, kinds.get(event.data["author"], "bot"), event))
            elif event.kind in ("status", "handoff"):
                steps.append((event.position, event.kind, event))
        for position, kind, event in sorted(steps, key=lambda step: step[0]):
            match kind:
                case "contact":
                    self._on_contact(position)
                case "customer":
                    self._on_customer_message(position)
                case "handoff":
                    self.handoffs.append(position[0])
                case "status":
                    self._on_status(event)
        if self.contact_cycle is not None:
            self._end_contact_cycle(self.contact_cycle, self.waited_until, None)
        if self.resolved:
            self._add_full_resolution()

    def add(self, kind: str, position: Position, **values: Any) -> None:
        """Add a fact with the dimensions that hold at its position."""
        self.facts.append(Fact(kind, position[0], self.ticket.dimensions_at(position), values))

    def _on_created(self) -> None:
        opened_by = self.created.data.get("opened_by", "customer")
        self.add("created", self.created.position, opened_by=opened_by)
        if opened_by != "agent":
            self._open_contact_cycle(self.created.position)

    def _on_contact(self, position: Position) -> None:
        self.contacts.append(position)
        if self.contact_cycle is not None:
            self._first_response(self.contact_cycle, position)
            until = position[0] if self.waited_until is None else self.waited_until
            self._end_contact_cycle(self.contact_cycle, until, position)
        if self.reply_cycle is not None:
            self.add("next_response", position, ms=position[0] - self.reply_cycle)
        for since in self.handoffs:
            self.add("handoff", position, ms=position[0] - since)
        self.contact_cycle = self.reply_cycle = None
        self.handoffs = []

    def _on_customer_message(self, position: Position) -> None:
        is_first, self.customer_wrote = not self.customer_wrote, True
        if self.contact_cycle is not None:
            return
        if is_first and self.created.data.get("opened_by") == "agent":
            self._open_contact_cycle(position)
        elif self.reply_cycle is None and not self.resolved:
            if self._in_call(position):
                self.add("next_response", position, ms=0)
            else:
                self.reply_cycle = position[0]

    def _open_contact_cycle(self, position: Position) -> None:
        if self._in_call(position):
            self._first_response(position[0], position)
            self._end_contact_cycle(position[0], position[0], position)
        else:
            self.contact_cycle = position[0]
            self.waited_until = position[0] if self.resolved else None

    def _end_contact_cycle(self, since: int, until: int | None, reply: Position | None) -> None:
        """Add the fate of a contact cycle that waited until a time, None if it still waits."""
        overdue = self._first_overdue(since, until)
        if overdue is not None:
            self.facts.append(Fact("due", overdue, self._dimensions_at_end_of(overdue), {"fate": "overdue"}))
        elif reply is not None:
            dimensions = self.ticket.dimensions_at(reply)
            late = (
                self.settings.judged_ms(dimensions, since, reply[0])
                > self.settings.target_for(dimensions).duration
            )
            self.add("due", reply, fate="overdue" if late else "in_time")

    def _first_overdue(self, since: int, until: int | None) -> int | None:
        """Return the first ms of a wait at which it is over the target then."""
        updates = {event.at for event in self.ticket.events if event.kind == "updated" and event.at > since}
        last = since + LONGEST_WAIT if until is None else until
        edges = [since, *sorted(at for at in updates if at <= last), last + 1]
        for start, end in pairwise(edges):
            if self._is_over(since, end - 1, start):
                low, high = start, end - 1
                while low < high:
                    middle = (low + high) // 2
                    low, high = (low, middle) if self._is_over(since, middle, start) else (middle + 1, high)
                return low
        return None

    def _is_over(self, since: int, at: int, judged_as_of: int) -> bool:
        """Return whether a wait is over the target at a time, by the dimensions of another."""
        dimensions = self._dimensions_at_end_of(judged_as_of)
        return self.settings.judged_ms(dimensions, since, at) > self.settings.target_for(dimensions).duration

    def _dimensions_at_end_of(self, at: int) -> dict[str, str]:
        return self.ticket.dimensions_at((at, 1 << 30, ""))

    def _in_call(self, position: Position) -> bool:
        """Return whether a call was going on, which answers at once. One that begins here is a later step."""
        return any(call.contact < position <= call.end for call in self.ticket.calls)

    def _first_response(self, since: int, position: Position) -> None:
        dimensions = self.ticket.dimensions_at(position)
        target = self.settings.target_for(dimensions)
        business = self.settings.business_ms(dimensions, since, position[0])
        self.add(
            "first_response",
            position,
            ms=position[0] - since,
            within=self.settings.judged_ms(dimensions, since, position[0]) <= target.duration,
            business=business,
            business_within=business is not None and business <= target.duration,
        )

    def _on_status(self, event: TicketEvent) -> None:
        was_resolved = self.resolved
        self.spent[self.status] = self.spent.get(self.status, 0) + event.at - self.status_since
        self.status, self.status_since = event.data["status"], event.at
        if self.resolved and not was_resolved:
            self._on_solve(event)
        elif was_resolved and not self.resolved:
            self.reopenings.append(event)
            self.add("reopening", event.position)
            if self.contact_cycle is not None:
                self._end_contact_cycle(self.contact_cycle, self.waited_until, None)
            self.contact_cycle = self.reply_cycle = None
            self._open_contact_cycle(event.position)

    def _on_solve(self, event: TicketEvent) -> None:
        self.reply_cycle = None
        if self.waited_until is None:
            self.waited_until = event.at
        if not self.contacts:
            self.add("unanswered", event.position)
        if not self.solves:
            self._add_resolution("first", event)
            if event.data.get("by") in ("bot", "timeout"):
                self.add("unassisted", event.position, by=event.data["by"])
        self.solves.append(event)

    def _add_resolution(self, stage: str, event: TicketEvent, **values: int) -> None:
        dimensions = self.ticket.dimensions_at(event.position)
        business = self.settings.business_ms(dimensions, self.created.at, event.at)
        ms = event.at - self.created.at
        self.add("resolution", event.position, stage=stage, ms=ms, business=business, **values)

    def _add_full_resolution(self) -> None:
        spent = {status: self.spent.get(status, 0) for status in ("new", "open", "pending", "on_hold")}
        self._add_resolution(
            "full",
            self.solves[-1],
            requester=spent["new"] + spent["open"] + spent["on_hold"],
            agent=spent["pending"],
            on_hold=spent["on_hold"],
        )
