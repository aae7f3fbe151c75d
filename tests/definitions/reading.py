"""All events in the order of reading: those that still count, what is forgotten, and what erasures left behind."""

from collections import Counter

from tests.definitions import fcr, interactions
from tests.definitions.events import TicketEvent, natural_key
from tests.definitions.interactions import InteractionKey, interaction_key
from tests.definitions.replay import Fact, Replay
from tests.definitions.settings import DAY, HOUR, Settings
from tests.definitions.ticket import Ticket, revision_of


class EventReader:
    """Reads events one by one. The order of reading matters to erasures, memory, and copies that differ.

    Figures of forgotten tickets and interactions are older than every window.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.left_behind: list[Fact] = []
        self.outcomes: Counter[str] = Counter()
        self._newest_stamp = 0
        self._events: dict[str, list[TicketEvent]] = {}
        self._last_records: dict[str, int] = {}
        self._interactions: dict[InteractionKey, list[TicketEvent]] = {}
        self._erasures: dict[str, tuple[int, int]] = {}
        """By customer, the time of the newest erasure, and the newest timestamp at its record."""
        self._erased: dict[str | InteractionKey, int] = {}
        """By ticket or interaction, the newest timestamp at the record of the erasure."""

    def read(self, event: TicketEvent) -> None:
        """Read an event, and count its outcome."""
        self.outcomes[self._process(event.without_nulls())] += 1

    def _process(self, event: TicketEvent) -> str:
        if event.is_future:
            return "future"
        self._newest_stamp = max(self._newest_stamp, event.stamp)
        self._forget()
        if event.kind == "erased":
            is_new = self._erase(event.data["customer_id"], event.at)
        elif event.kind == "handled" and self._is_late(event.at, event.stamp):
            return "late"
        elif self._is_erased(event):
            return "erased"
        elif event.kind == "handled":
            is_new = self._read_interaction(event)
        else:
            is_new = self._read_ticket_event(event)
        return "accepted" if is_new else "duplicate"

    def _read_ticket_event(self, event: TicketEvent) -> bool:
        events = self._events.setdefault(event.data["ticket_id"], [])
        if any(natural_key(known) == natural_key(event) for known in events):
            return False
        events.append(event)
        self._last_records[event.data["ticket_id"]] = self._newest_stamp
        return True

    def _read_interaction(self, event: TicketEvent) -> bool:
        """Read a copy of an interaction and return whether it counts. Any copy may name the customer of its ticket."""
        copies = self._interactions.setdefault(interaction_key(event), [])
        is_known = any(revision_of(copy) >= revision_of(event) for copy in copies)
        copies.append(event)
        if "ticket_id" in event.data and (not is_known or "customer_id" in event.data):
            self._take_contact(event, is_known=is_known)
        return not is_known

    def _take_contact(self, event: TicketEvent, *, is_known: bool) -> None:
        ticket = event.data["ticket_id"]
        events = self._events.setdefault(ticket, [])
        if not is_known:
            # Also of a forgotten interaction, whose contact the ticket still knows.
            events[:] = [_as_copy(known) if _is_same(known, event) else known for known in events]
        events.append(_as_copy(event) if is_known else event)
        if not is_known or Ticket(ticket, events).naming is events[-1]:
            self._last_records[ticket] = self._newest_stamp
        else:
            events.pop()

    def tickets(self) -> list[Ticket]:
        """Return the tickets that any event names."""
        return [Ticket(name, events) for name, events in self._events.items() if events]

    def replays(self) -> list[Replay]:
        """Return the replays of all tickets that count."""
        return [Replay(ticket, self.settings) for ticket in self.tickets() if ticket.counts]

    def facts(self, replays: list[Replay]) -> list[Fact]:
        """Return all facts of all tickets and interactions, erased ones included."""
        facts = [fact for replay in replays for fact in [*replay.facts, *fcr.facts(replay, replays)]]
        copies = [copy for copies in self._interactions.values() for copy in copies]
        return self.left_behind + facts + interactions.facts(copies, self.settings)

    def _is_late(self, at: int, stamp: int) -> bool:
        """Return whether an interaction is older than the longest window and a day at the time of a record."""
        return stamp // HOUR - at // HOUR > (self.settings.longest_window + DAY) // HOUR

    def _forget(self) -> None:
        """Forget closed tickets, interactions whose bucket would be late, and erasures."""
        memory = max(self.settings.longest_window, 30 * DAY) + 8 * DAY
        for ticket in self.tickets():
            if self._last_records[ticket.name] + memory > self._newest_stamp:
                continue
            if not ticket.counts or Replay(ticket, self.settings).resolved:
                del self._events[ticket.name]
        for key, copies in list(self._interactions.items()):
            bucket = min(copy.at for copy in copies)
            if self._is_late(bucket, self._newest_stamp):
                del self._interactions[key]
        oldest = self._newest_stamp - self.settings.retention
        self._erasures = {name: times for name, times in self._erasures.items() if times[1] > oldest}
        self._erased = {key: stamp for key, stamp in self._erased.items() if stamp > oldest}

    def _is_erased(self, event: TicketEvent) -> bool:
        if "customer_id" in event.data:
            return self._is_covered(event.data["customer_id"], event.at)
        if event.kind == "handled" and interaction_key(event) in self._erased:
            return True
        return event.data.get("ticket_id") in self._erased

    def _is_covered(self, customer: str, at: int) -> bool:
        return customer in self._erasures and at <= self._erasures[customer][0]

    def _erase(self, customer: str, at: int) -> bool:
        """Erase a customer unless a newer erasure is known. Return whether there is none."""
        if self._is_covered(customer, at):
            return False
        self._erasures[customer] = at, self._newest_stamp
        replays, tickets = self.replays(), self.tickets()
        for replay in replays:
            if replay.ticket.customer == customer:
                self.left_behind += fcr.facts(replay, replays)
                self.left_behind += replay.facts if replay.resolved else []
        owners = {ticket.name: ticket.customer for ticket in tickets}
        for key, copies in list(self._interactions.items()):
            if self._owner(copies, owners.get(key[0] or "")) == customer:
                self.left_behind += interactions.facts(copies, self.settings)
                self._erased[key] = self._newest_stamp
                del self._interactions[key]
        for name, owner in owners.items():
            if owner == customer:
                self._erased[name] = self._newest_stamp
                del self._events[name]
        return True

    def _owner(self, copies: list[TicketEvent], ticket_owner: str | None) -> str | None:
        """Return the customer that the last copy of an interaction names, otherwise that of its ticket."""
        naming = [copy for copy in copies if "customer_id" in copy.data]
        if not naming:
            return ticket_owner
        return str(max(naming, key=lambda copy: copy.position).data["customer_id"])


def _as_copy(interaction: TicketEvent) -> TicketEvent:
    return interaction._replace(kind="copy")


def _is_same(event: TicketEvent, interaction: TicketEvent) -> bool:
    return event.kind == "handled" and interaction_key(event) == interaction_key(interaction)
