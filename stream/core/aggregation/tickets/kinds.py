"""Kinds of entities of tickets."""

import msgspec

from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets import interactions, repeat_contacts
from stream.core.aggregation.tickets.changes import by_minute, derive_ticket
from stream.core.aggregation.tickets.entity import TICKET, Ticket, expires_at, pack, unpack
from stream.core.aggregation.tickets.history import history
from stream.core.aggregation.tickets.interactions import INTERACTION
from stream.core.aggregation.tickets.repeat_index import REPEATS
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig


class TicketKind(EntityKind):
    """Tickets, each with the contributions that were last derived."""

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Return the record key of the ticket."""
        del key
        return unpack(raw).person_key

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """Return the end of the retention in ms, None for a ticket that is not resolved."""
        del key
        ticket = unpack(raw)
        return expires_at(ticket.last_record, config) if ticket.forgettable else None

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Return the stored contributions."""
        del key, config
        ticket = unpack(raw)
        return by_minute(ticket.contributions, ticket.values)

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return all contributions of a ticket that is not resolved, none of any other."""
        return () if unpack(raw).forgettable else self.contributions(key, raw, config)

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values and derive the contributions again."""
        del key
        ticket = unpack(raw)
        _remap(ticket, store, old_dimensions)
        ticket.values, ticket.contributions = derive_ticket(ticket, history(ticket), store.config)
        return pack(ticket)


class RepeatContactsKind(EntityKind):
    """The tickets of a person about a topic, as the repeat-contact index keeps them."""

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Return the record key of the tickets."""
        del key
        return repeat_contacts.unpack(raw).person_key

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the newest creation or solve, in ms."""
        del key
        return expires_at(repeat_contacts.unpack(raw).newest_time or 0, config)


class InteractionKind(EntityKind):
    """Handled interactions, each with the contributions that were last derived."""

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Return the record key of the interaction."""
        del key
        return interactions.unpack(raw).person_key

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the watermark in ms from which on every event of the interaction would be late."""
        del key
        return interactions.expires_at(interactions.unpack(raw), config)

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Return the stored contributions."""
        del key, config
        return interactions.unpack(raw).contributions

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values and derive the contributions again."""
        del key
        interaction = interactions.unpack(raw)
        interaction.values = store.remap_values(interaction.values, old_dimensions)
        interaction.contributions = interactions.derive(interaction, store.config)
        return interactions.pack(interaction)


def _remap(ticket: Ticket, store: EntityStore, old_dimensions: tuple[str, ...]) -> None:
    """Replace the values of a ticket by those under the dimensions and caps of the store's config."""
    if ticket.created is not None:
        values = store.remap_values(ticket.created.values, old_dimensions)
        ticket.created = msgspec.structs.replace(ticket.created, values=values)
    dimensions = store.config.dimensions
    changed = (ticket.last_changes.get(name, (b"", None))[1] for name in dimensions)
    for name, value in zip(dimensions, store.cardinality.cap_values(tuple(changed)), strict=False):
        if value is not None:
            ticket.last_changes[name] = (ticket.last_changes[name][0], value)


KINDS = (
    TicketKind(TICKET, "tickets", unpack),
    RepeatContactsKind(REPEATS, "topics of tickets", repeat_contacts.unpack),
    InteractionKind(INTERACTION, "interactions", interactions.unpack),
)
