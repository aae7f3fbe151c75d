"""Kinds of entities of tickets."""

from typing import Any

import msgspec

from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets import interactions
from stream.core.aggregation.tickets.derive import as_contributions
from stream.core.aggregation.tickets.dirty import derive_ticket
from stream.core.aggregation.tickets.entity import TICKET, expires_at, pack, person, unpack
from stream.core.aggregation.tickets.interactions import INTERACTION, TICKETLESS_INTERACTION
from stream.core.model.aggregate import Contribution, Deltas
from stream.core.model.aggregation_config import AggregationConfig


class TicketKind(EntityKind):
    """Tickets. Their contributions are derived."""

    def person(self, key: bytes, raw: bytes) -> bytes | None:
        """Return the present customer."""
        del key
        return person(raw)

    def parts_prefix(self, key: bytes) -> bytes:
        """Return the beginning of the keys of the ticket's interactions."""
        return interactions.parts_prefix(key[1:])

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """Return the end of the retention in ms, None for a ticket that is created and not resolved."""
        del key
        ticket = unpack(raw)
        return expires_at(ticket.last_record, config) if ticket.forgettable else None

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Derive the contributions."""
        del key
        deltas: Deltas = {}
        derive_ticket(unpack(raw), config, deltas)
        return as_contributions(deltas)

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return all contributions of a ticket that is not resolved, none of any other."""
        ticket = unpack(raw)
        if ticket.forgettable and not ticket.is_orphan:
            return ()
        return self.contributions(key, raw, config)

    def retracted_by_expiry(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return the contribution of a ticket without creation, which is no orphan any more."""
        return self.contributions(key, raw, config) if unpack(raw).is_orphan else ()

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values of the creation and of updates."""
        del key
        ticket = unpack(raw)
        if ticket.created is not None:
            ticket.created = _remapped(ticket.created, store, old_dimensions)
        ticket.updates = [_remapped(update, store, old_dimensions) for update in ticket.updates]
        return pack(ticket)


class InteractionKind(EntityKind):
    """Handled interactions. Their contributions are derived."""

    def person(self, key: bytes, raw: bytes) -> bytes | None:
        """Return the customer that the interaction itself names."""
        del key
        return interactions.person(raw)

    def whole(self, key: bytes) -> bytes | None:
        """Return the beginning of the keys of its ticket's interactions, None without a ticket."""
        return None if key.startswith(TICKETLESS_INTERACTION) else interactions.whole(key)

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the watermark in ms from which on every event of the interaction would be late."""
        del key
        return interactions.expires_at(interactions.unpack(raw), config)

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Derive the contributions."""
        del key
        return interactions.derive(interactions.unpack(raw), config)

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values."""
        del key
        return interactions.pack(_remapped(interactions.unpack(raw), store, old_dimensions))


def _remapped(entity: Any, store: EntityStore, old_dimensions: tuple[str, ...]) -> Any:
    """Return an entity with `values` under the dimensions and caps of the store's config."""
    return msgspec.structs.replace(entity, values=store.remap_values(entity.values, old_dimensions))


KINDS = (
    TicketKind(TICKET, "tickets", unpack, remembered=True),
    InteractionKind(INTERACTION, "interactions", interactions.unpack, remembered=True, expires_unread=True),
    InteractionKind(
        TICKETLESS_INTERACTION,
        "interactions without a ticket",
        interactions.unpack,
        remembered=True,
        expires_unread=True,
    ),
)
