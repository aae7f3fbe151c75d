"""Handle time and queue: facts of interactions, with or without a ticket."""

from tests.definitions.events import TicketEvent
from tests.definitions.replay import Fact
from tests.definitions.settings import Settings
from tests.definitions.ticket import counting_revisions, parts_of

InteractionKey = tuple[str | None, str]
"""The ticket and the ID of an interaction."""


def facts(events: list[TicketEvent], settings: Settings) -> list[Fact]:
    """Return one fact for every interaction, at the earliest time of its copies."""
    copies = [event for event in events if event.kind == "handled"]
    out = []
    for counting in counting_revisions(copies):
        data = counting.data
        at = min(copy.at for copy in copies if interaction_key(copy) == interaction_key(counting))
        wait = data.get("wait_s")
        values = parts_of(counting) | {
            "outcome": data.get("outcome", "handled"),
            "ms": sum(parts_of(counting).values()),
            "legs": data.get("legs", 1),
            "wait": None if wait is None else round(wait * 1000),
            "within": wait is not None and round(wait * 1000) <= settings.queue_target,
        }
        out.append(Fact("interaction", at, counting.dimensions(), values))
    return out


def interaction_key(interaction: TicketEvent) -> InteractionKey:
    """Return the identity of an interaction: its ID within its ticket, or within none."""
    return interaction.data.get("ticket_id"), interaction.data["interaction_id"]
