"""The domain of `cx.tickets`."""

from collections.abc import Iterator
from typing import Any

from schemas.envelope import Event
from schemas.fields import Data
from schemas.tickets import InteractionHandled
from schemas.topics import TICKETS
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets import interactions
from stream.core.aggregation.tickets.dirty import derive_changes, load, rewrite_summaries
from stream.core.aggregation.tickets.entity import TICKET, Rank
from stream.core.aggregation.tickets.events import (
    MAX_CONTACTS,
    dedup_key,
    name_customer,
    process,
    remember,
)
from stream.core.aggregation.tickets.interactions import contact_key, interaction_key
from stream.core.aggregation.tickets.kinds import KINDS
from stream.core.model.outcomes import Outcome


class Tickets(Domain):
    """Tickets, and handled interactions."""

    name = "tickets"
    topic = TICKETS
    oldest_readable_version = 5
    owned = TICKET
    kinds = KINDS

    def rejects_late(self, data: Data) -> bool:
        """Return True for an interaction. Ticket events of any age are used."""
        return type(data) is InteractionHandled

    def entity_keys(self, data: Data) -> tuple[bytes, ...]:
        """Return the key of the ticket, of an interaction its own and that of its ticket."""
        keys: tuple[bytes, ...] = (interaction_key(data),) if isinstance(data, InteractionHandled) else ()
        ticket_id: str | None = getattr(data, "ticket_id", None)
        return keys if ticket_id is None else (*keys, TICKET + ticket_id.encode())

    def process(self, store: EntityStore, event: Event, event_time: int, owner: bytes) -> Outcome:
        """Change a ticket, which stays dirty until the flush, or an interaction. `event_time` is in ms."""
        data: Any = event.data
        if type(data) is InteractionHandled:
            return self._handled(store, data, event_time, event.id)
        key = TICKET + owner
        dirty = load(store, key)
        if not remember(dirty.ticket, dedup_key(data, event_time, store.config.labels)):
            return "duplicate"
        process(store, dirty.ticket, event, event_time)
        dirty.touch(store, event_time)
        store.dirty[key] = dirty
        return "accepted"

    def _handled(
        self, store: EntityStore, data: InteractionHandled, event_time: int, event_id: str
    ) -> Outcome:
        """Change an interaction, and its ticket, of which it is a contact."""
        interaction, counts = interactions.process(store, data, event_time, event_id)
        if data.ticket_id is not None and (counts or data.customer_id is not None):
            key = TICKET + data.ticket_id.encode()
            dirty = load(store, key)
            changed = name_customer(dirty.ticket, data.customer_id, event_time, Rank.CONTACT, event_id)
            if counts:
                _set_contact(dirty.ticket.contacts, contact_key(data), interaction.contact)
            if counts or changed:
                dirty.touch(store, event_time)
                store.dirty[key] = dirty
        return "accepted" if counts else "duplicate"

    def derive_changes(self, store: EntityStore) -> None:
        """Derive the dirty tickets, pack them, and write their summaries."""
        derive_changes(store)

    def rewrite_derived(self, store: EntityStore, offset: int, record_timestamp: int) -> Iterator[None]:
        """Write the summaries that other settings change."""
        return rewrite_summaries(store, offset, record_timestamp)


def _set_contact(contacts: dict[str, tuple[int, int]], key: str, contact: tuple[int, int] | None) -> None:
    if contact is None:
        contacts.pop(key, None)
        return
    contacts[key] = contact
    if len(contacts) > MAX_CONTACTS:
        by_start = sorted(contacts, key=contacts.__getitem__)
        del contacts[by_start[MAX_CONTACTS // 2]]
