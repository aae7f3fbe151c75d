"""The domain of `cx.tickets`."""

from typing import Any

from schemas.envelope import Event
from schemas.fields import Data
from schemas.tickets import InteractionHandled
from schemas.topics import TICKETS
from stream.core.aggregation.domain import Domain, ValidatedBatch
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets import interactions
from stream.core.aggregation.tickets.changes import derive_changes
from stream.core.aggregation.tickets.entity import TICKET, Ticket, event_order, hashed_key, unpack
from stream.core.aggregation.tickets.events import HANDLERS, dedup_key, remember
from stream.core.aggregation.tickets.kinds import KINDS
from stream.core.model.outcomes import Outcome


class Tickets(Domain):
    """Tickets, the repeat contacts among them, and interactions."""

    name = "tickets"
    topic = TICKETS
    oldest_readable_version = 3
    kinds = KINDS

    def rejects_late(self, data: Data) -> bool:
        """Return True for an interaction. Ticket events of any age are used."""
        return type(data) is InteractionHandled

    def process(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Change a ticket, which stays dirty until the flush, or an interaction. `event_time` is in ms."""
        batch = ValidatedBatch((event,), (person_key,), (event_time,), (store.record_timestamp,))
        return "accepted" if self.process_batch(store, batch) else "duplicate"

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> list[int]:
        """Process events and return the times of those accepted."""
        tickets, accepted = store.dirty, []
        for event, person_key, event_time, record_timestamp in zip(
            batch.events, batch.person_keys, batch.event_times, batch.record_timestamps, strict=True
        ):
            data: Any = event.data
            handle = HANDLERS.get(type(data))
            if handle is None:
                store.record_timestamp = record_timestamp
                if interactions.process(store, data, event_time, person_key) == "accepted":
                    accepted.append(event_time)
                continue
            key = hashed_key(TICKET, person_key, data.ticket_id)
            ticket: Ticket | None = tickets.get(key)
            if ticket is None:
                raw = store.entities.get(key)
                ticket = Ticket(person_key) if raw is None else unpack(raw)
            if remember(ticket, dedup_key(event)):
                tickets[key] = ticket
                ticket.last_record = max(ticket.last_record, record_timestamp)
                handle(store, ticket, data, event_order(event_time, event.id))
                accepted.append(event_time)
        store.record_timestamp = batch.record_timestamps[-1]
        return accepted

    def derive_changes(self, store: EntityStore) -> None:
        """Derive the dirty tickets and pack them."""
        derive_changes(store)
