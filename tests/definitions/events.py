"""Events of `cx.tickets` as plain data, their order within a ticket, and their duplicates."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.definitions.settings import MINUTE

TYPES = {
    "created": "cx.ticket.created.v1",
    "message": "cx.ticket.message.v1",
    "status": "cx.ticket.status.v1",
    "handoff": "cx.ticket.handoff.v1",
    "updated": "cx.ticket.updated.v1",
    "merged": "cx.ticket.merged.v1",
    "deleted": "cx.ticket.deleted.v1",
    "handled": "cx.interaction.handled.v1",
    "erased": "cx.customer.erased.v1",
}
DIMENSIONS = ("channel", "touchpoint", "team", "priority", "topic")
ALLOWED_LABELS = ("brand", "product", "region", "segment")
CONTACT_RANK = 5
"""The rank of an agent's contact, a message or a handled interaction, among the events of one moment."""
_AUTHOR_RANKS = {"customer": 2, "bot": 3, "system": 3, "agent": CONTACT_RANK}
_STATUS_RANKS = {"open": 6, "pending": 7, "on_hold": 8, "solved": 9, "closed": 10}
_RANKS = {
    "copy": CONTACT_RANK,
    "created": 0,
    "updated": 1,
    "handoff": 4,
    "handled": CONTACT_RANK,
    "merged": 11,
    "deleted": 12,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Position = tuple[int, int, str]
"""Where something stands in its ticket: time in ms, rank, ID of the event."""


class TicketEvent(NamedTuple):
    """An event with its kind, its time and the timestamp of its record in ms.

    The kind is a key of `TYPES`, or `copy` for an interaction of which another copy counts.
    """

    kind: str
    at: int
    stamp: int
    id: str
    data: dict[str, Any]

    @property
    def is_future(self) -> bool:
        return self.at > self.stamp + 5 * MINUTE

    @property
    def position(self) -> Position:
        return self.at, self._rank(), self.id

    def _rank(self) -> int:
        if self.kind == "message":
            return _AUTHOR_RANKS[self.data["author"]]
        if self.kind == "status":
            return _STATUS_RANKS[self.data["status"]]
        return _RANKS[self.kind]

    def dimensions(self) -> dict[str, str]:
        """Return the dimensions that the event names, allowed labels among them, the topic as `ticket_topic`."""
        named = {name: text.strip() for name in DIMENSIONS if (text := self.data.get(name))}
        if "topic" in named:
            named["ticket_topic"] = named.pop("topic")
        labels = self.data.get("labels", {})
        usable = {name: text.strip() for name, text in labels.items() if isinstance(text, str)}
        return named | {name: text for name, text in usable.items() if name in ALLOWED_LABELS and text}

    def without_nulls(self) -> "TicketEvent":
        """Return the event without fields that are null, which are as if absent."""
        return self._replace(data={name: value for name, value in self.data.items() if value is not None})

    def wire(self) -> dict[str, Any]:
        """Return the structured CloudEvent."""
        time = (_EPOCH + timedelta(milliseconds=self.at)).isoformat(timespec="milliseconds")
        head = {"specversion": "1.0", "id": self.id, "source": "/test", "type": TYPES[self.kind]}
        return {**head, "time": time, "data": self.data}


def natural_key(event: TicketEvent) -> tuple[Any, ...]:
    """Return the common part of two copies of one event of a ticket. Interactions have revisions instead."""
    data = event.data
    match event.kind:
        case "message":
            return "message", data["message_id"], data.get("public", True)
        case "status":
            return "status", data["status"], event.at
        case "created" | "updated":
            named = tuple(sorted(event.dimensions().items()))
            opened_by = data.get("opened_by", "customer")
            return event.kind, event.at, named, data.get("customer_id"), opened_by
    return event.kind, event.at
