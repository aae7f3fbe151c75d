"""A ticket from all of its events: what counts of them, its dimensions at any position, its agents' contacts."""

from typing import Any, NamedTuple

from tests.definitions.events import CONTACT_RANK, Position, TicketEvent

Interaction = TicketEvent
"""An event of kind `handled`, whatever its outcome."""


class Call(NamedTuple):
    """A handled interaction as a contact: where it counts, and its own position, that of its end."""

    contact: Position
    end: Position


class Ticket:
    """One ticket. `events` are all its events, each once, and the copies of its interactions."""

    def __init__(self, name: str, events: list[TicketEvent]) -> None:
        self.name = name
        self.events = sorted(events, key=lambda event: event.position)
        self.gone = any(event.kind in ("merged", "deleted") for event in events)
        self.created = next((event for event in self.events if event.kind == "created"), None)
        naming = [event for event in self.events if "customer_id" in event.data]
        self.naming = naming[-1] if naming else None
        self.customer = None if self.naming is None else self.naming.data["customer_id"]
        interactions = [event for event in events if event.kind == "handled"]
        if self.created is not None:
            self.later = [event for event in self.events if event.position > self.created.position]
            self.calls = self._calls(self.created, interactions)
            self.messages = self._messages()

    @property
    def counts(self) -> bool:
        """Return whether the ticket is in any figure but that of the orphans."""
        return self.created is not None and not self.gone

    @property
    def is_orphan(self) -> bool:
        return self.created is None and not self.gone

    def dimensions_at(self, position: Position) -> dict[str, str]:
        """Return the dimensions by the events up to and with a position. A topic counts from creation on."""
        dimensions: dict[str, str] = {}
        for event in self.events:
            named = event.dimensions()
            if self.created is not None and event.position < self.created.position:
                named.pop("ticket_topic", None)
            if event.position <= position and (event.kind == "updated" or event is self.created):
                dimensions |= named
        return dimensions

    @property
    def present_dimensions(self) -> dict[str, str]:
        return self.dimensions_at((1 << 62, 0, ""))

    def _calls(self, created: TicketEvent, interactions: list[Interaction]) -> list[Call]:
        calls = []
        for interaction in interactions:
            if interaction.data.get("outcome", "handled") != "handled":
                continue
            end, start = interaction.at, interaction.at - sum(parts_of(interaction).values())
            at = created.at if start < created.at <= end else start
            position = at, CONTACT_RANK, interaction.id
            if position > created.position:
                calls.append(Call(position, interaction.position))
        return calls

    def _messages(self) -> list[TicketEvent]:
        """Return the public messages after creation. Of copies of a message the first one read counts."""
        return [event for event in self.later if event.kind == "message" and event.data.get("public", True)]


def counting_revisions(interactions: list[Interaction]) -> list[Interaction]:
    """Return of every interaction the copy with the highest revision, time and ID."""
    counting: dict[Any, Interaction] = {}
    for interaction in interactions:
        key = interaction.data.get("ticket_id"), interaction.data["interaction_id"]
        if key not in counting or revision_of(interaction) > revision_of(counting[key]):
            counting[key] = interaction
    return list(counting.values())


def revision_of(interaction: Interaction) -> tuple[int, int, str]:
    """Return the order of the copies of an interaction, of which the last one counts."""
    return interaction.data.get("revision", 0), interaction.at, interaction.id


def parts_of(interaction: Interaction) -> dict[str, int]:
    """Return the parts of the handle time in ms."""
    return {part: round(interaction.data[f"{part}_s"] * 1000) for part in ("talk", "hold", "wrap")}
