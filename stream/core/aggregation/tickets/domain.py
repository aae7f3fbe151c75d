"""The domain of `cx.tickets`: tickets, what they know of each other, and interactions."""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.envelope import Event
from schemas.tickets import InteractionHandled
from schemas.topics import TICKETS, DomainName
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import EntityStore, Outcome
from stream.core.aggregation.pane_store import Cell
from stream.core.aggregation.tickets import interactions, repeat_contacts
from stream.core.aggregation.tickets.changes import by_minute, derive_changes, derive_ticket
from stream.core.aggregation.tickets.entity import (
    Ticket,
    event_order,
    expires_at,
    hashed_key,
    pack,
    unpack,
)
from stream.core.aggregation.tickets.events import HANDLERS, dedup_key, remember
from stream.core.aggregation.tickets.history import history
from stream.core.aggregation.tickets.repeat_index import REPEATS
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig

TICKET = b"t"


class Tickets:
    """The domain of `cx.tickets`."""

    name: DomainName = "tickets"
    topic = TICKETS
    oldest_readable_version = 3
    unchecked_types = ()

    def rejects_late(self, data: object) -> bool:
        """Whether an event may come too late: ticket events of any age are used."""
        return type(data) is InteractionHandled

    def apply(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Enter an event in the facts of its ticket or interaction; a ticket stays open. `at` is in ms."""
        accepted = self.process_batch(
            store, ValidatedBatch((event,), (event,), (person_key,), (event_time,), (store.record_timestamp,))
        )
        return "accepted" if accepted else "duplicate"

    def validate_batch(self, store: EntityStore, events: Sequence[Event]) -> Sequence[Event]:
        """Nothing that decoding does not see."""
        del store
        return events

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> list[int]:
        """`apply` for each; the times of those accepted."""
        tickets, accepted = store.dirty, []
        for event, _, person_key, event_time, record_timestamp in zip(*batch, strict=True):
            data: Any = event.data
            handle = HANDLERS.get(type(data))
            if handle is None:
                store.record_timestamp = record_timestamp
                if interactions.apply(store, data, event_time, person_key) == "accepted":
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
        """Enter in the deltas what the open tickets contribute, less what they did, and pack them."""
        derive_changes(store)

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """The watermark at which an entity is forgotten; a ticket that is not closed is kept."""
        if key[:1] == TICKET:
            ticket = unpack(raw)
            return expires_at(ticket.last_record, config) if ticket.forgettable else None
        if key[:1] == REPEATS:
            return expires_at(repeat_contacts.unpack(raw).newest_time or 0, config)
        return interactions.expires_at(interactions.unpack(raw), config)

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        if key[:1] == TICKET:
            return unpack(raw).person_key
        return (
            repeat_contacts.unpack(raw).person_key
            if key[:1] == REPEATS
            else interactions.unpack(raw).person_key
        )

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """What an entity contributes: what was last made of it."""
        del config
        if key[:1] == TICKET:
            ticket = unpack(raw)
            return by_minute(ticket.contributions, ticket.values)
        return () if key[:1] == REPEATS else interactions.unpack(raw).contributions

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: all of a ticket that is not resolved."""
        return (
            self.contributions(key, raw, config) if key[:1] == TICKET and not unpack(raw).forgettable else ()
        )

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] == TICKET:
            ticket = unpack(raw)
            _remap(ticket, store, old)
            ticket.values, ticket.contributions = derive_ticket(ticket, history(ticket), store.rules)
            return pack(ticket)
        if key[:1] == REPEATS:
            return raw
        one = interactions.unpack(raw)
        one.values = store.remap_values(one.values, old)
        one.contributions = interactions.derive(one, store.rules)
        return interactions.pack(one)

    def open_code(self, cell: Cell) -> None:
        """No tally of this domain has open codes."""


def _remap(ticket: Ticket, store: EntityStore, old: tuple[str, ...]) -> None:
    """Values under the dimensions and caps in force."""
    if ticket.created is not None:
        values = store.remap_values(ticket.created.values, old)
        ticket.created = msgspec.structs.replace(ticket.created, values=values)
    changed = (ticket.last_changes.get(name, (b"", None))[1] for name in store.rules.dimensions)
    for name, value in zip(
        store.rules.dimensions, store.cardinality.cap_values(tuple(changed)), strict=False
    ):
        if value is not None:
            ticket.last_changes[name] = (ticket.last_changes[name][0], value)
