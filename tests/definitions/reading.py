"""All events in the order of reading: those that still count, and what erasures left behind."""

from typing import Any

from tests.definitions import fcr, interactions
from tests.definitions.events import TicketEvent
from tests.definitions.interactions import InteractionKey, interaction_key
from tests.definitions.replay import Fact, Replay
from tests.definitions.settings import Settings
from tests.definitions.ticket import Ticket, revision_of


class EventReader:
    """Reads events one by one. Erasures depend on the order of reading, and nothing else does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.left_behind: list[Fact] = []
        self._ticket_events: list[TicketEvent] = []
        self._interactions: list[TicketEvent] = []
        self._erasures: dict[str, int] = {}
        self._erased: set[Any] = set()

    def read(self, event: TicketEvent) -> None:
        """Read an event of any outcome."""
        event = event.without_nulls()
        if not event.in_time:
            return
        if event.kind == "erased":
            self._erase(event.data["customer_id"], event.at)
        elif not self._is_erased(event):
            if "ticket_id" in event.data:
                is_known = event.kind == "handled" and self._is_known(event)
                self._ticket_events.append(event._replace(kind="copy") if is_known else event)
            if event.kind == "handled":
                self._interactions.append(event)

    def tickets(self) -> list[Ticket]:
        """Return the tickets that any event names."""
        by_ticket: dict[str, list[TicketEvent]] = {}
        for event in self._ticket_events:
            by_ticket.setdefault(event.data["ticket_id"], []).append(event)
        return [Ticket(name, events) for name, events in by_ticket.items()]

    def replays(self) -> list[Replay]:
        """Return the replays of all tickets that count."""
        return [Replay(ticket, self.settings) for ticket in self.tickets() if ticket.counts]

    def facts(self, replays: list[Replay]) -> list[Fact]:
        """Return all facts of all tickets and interactions, erased ones included."""
        facts = [fact for replay in replays for fact in [*replay.facts, *fcr.facts(replay, replays)]]
        return self.left_behind + facts + interactions.facts(self._interactions, self.settings)

    def _is_known(self, interaction: TicketEvent) -> bool:
        """Return whether a copy that counts instead is known. Of its ticket, this one may name the customer."""
        copies = [
            event for event in self._interactions if interaction_key(event) == interaction_key(interaction)
        ]
        return any(revision_of(copy) >= revision_of(interaction) for copy in copies)

    def _is_erased(self, event: TicketEvent) -> bool:
        if "customer_id" in event.data:
            return event.at <= self._erasures.get(event.data["customer_id"], event.at - 1)
        if event.kind == "handled" and interaction_key(event) in self._erased:
            return True
        return event.data.get("ticket_id") in self._erased

    def _erase(self, customer: str, at: int) -> None:
        if at <= self._erasures.get(customer, at - 1):
            return
        self._erasures[customer] = at
        replays, tickets = self.replays(), self.tickets()
        for replay in replays:
            if replay.ticket.customer == customer:
                self.left_behind += fcr.facts(replay, replays)
                self.left_behind += replay.facts if replay.resolved else []
        owners = {ticket.name: ticket.customer for ticket in tickets}
        keys = {interaction_key(event) for event in self._interactions}
        gone = {key for key in keys if self._owner(key, owners) == customer}
        copies = [event for event in self._interactions if interaction_key(event) in gone]
        self.left_behind += interactions.facts(copies, self.settings)
        self._erased |= gone
        self._erased |= {name for name, owner in owners.items() if owner == customer}
        self._interactions = [event for event in self._interactions if event not in copies]
        self._ticket_events = [
            event for event in self._ticket_events if owners[event.data["ticket_id"]] != customer
        ]

    def _owner(self, key: InteractionKey, owners: dict[str, str | None]) -> str | None:
        """Return the customer that the last copy of an interaction names, otherwise that of its ticket."""
        copies = [event for event in self._interactions if interaction_key(event) == key]
        naming = [event for event in copies if "customer_id" in event.data]
        if naming:
            last = max(naming, key=lambda event: event.position)
            return str(last.data["customer_id"])
        return owners.get(key[0] or "")
