"""Handled interactions. The highest (revision, time, ID) counts, in the bucket of the earliest time."""

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from schemas.tickets import InteractionHandled
from stream.core.aggregation.entity_store import EntityStore, project_dimensions
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.tickets import HANDLE, QUEUE, handle_vector, queue_vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import HOUR, MINUTE

INTERACTION, TICKETLESS_INTERACTION = b"i", b"j"
"""Kinds of entities: interactions of a ticket, whose keys begin with the ticket, and those without one."""

Order = tuple[int, int, str]
"""Revision, time in ms, ID."""


class Interaction(msgspec.Struct, array_like=True, gc=False):
    """One interaction. All but `minute` and the customer are of the event that counts.

    Attributes:
        minute: bucket of the earliest time among the revisions
        order: of the event that counts
        naming: time in ms and ID of the event that names the customer, and the customer
        talk: in ms, like hold, wrap and wait
        wait: None if it is not given
    """

    minute: int
    order: Order = (-1, 0, "")
    naming: tuple[int, str, str] | None = None
    outcome: str = "handled"
    talk: int = 0
    hold: int = 0
    wrap: int = 0
    legs: int = 1
    wait: int | None = None
    values: DimensionValues = ()

    @property
    def contact(self) -> tuple[int, int] | None:
        """Start and end of an agent's contact in ms, None if people did not handle it."""
        if self.outcome != "handled":
            return None
        end = self.order[1]
        return end - self.talk - self.hold - self.wrap, end


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Interaction] = msgspec.msgpack.Decoder(Interaction).decode


class _Naming(msgspec.Struct, array_like=True, gc=False):
    """The first fields of `Interaction`, which are decoded to find its customer."""

    minute: msgspec.Raw
    order: msgspec.Raw
    naming: tuple[int, str, str] | None


_decode_naming = msgspec.msgpack.Decoder(_Naming).decode


def person(raw: bytes) -> bytes | None:
    """Return the ID of the customer that a packed interaction itself names."""
    naming = _decode_naming(raw).naming
    return None if naming is None else naming[2].encode()


def interaction_key(data: InteractionHandled) -> bytes:
    """Return the key of an interaction. With another ticket, or none, the same ID is another interaction."""
    name = data.interaction_id.encode()
    return (
        TICKETLESS_INTERACTION + name
        if data.ticket_id is None
        else parts_prefix(data.ticket_id.encode()) + name
    )


def parts_prefix(ticket_id: bytes) -> bytes:
    """Return the beginning of the keys of a ticket's interactions."""
    return INTERACTION + len(ticket_id).to_bytes(2) + ticket_id


def whole(key: bytes) -> bytes:
    """Return the beginning of the key of a ticket's interaction that it shares with the others of the ticket."""
    return key[: 3 + int.from_bytes(key[1:3])]


def contact_key(data: InteractionHandled) -> str:
    """Return the key of an interaction in `Ticket.contacts`."""
    return blake2b(data.interaction_id.encode(), digest_size=8).hexdigest()


def derive(interaction: Interaction, config: AggregationConfig) -> tuple[Contribution, ...]:
    """Return the contributions of an interaction."""
    values, minute = project_dimensions(interaction.values, config), interaction.minute
    outcome = interaction.outcome
    vectors = (
        (
            HANDLE,
            handle_vector(outcome, interaction.talk, interaction.hold, interaction.wrap, interaction.legs),
        ),
        (QUEUE, queue_vector(outcome, interaction.wait, config.queue_target)),
    )
    return tuple(
        [Contribution(aggregate.name, values, (), minute, vector) for aggregate, vector in vectors if vector]
    )


def process(
    store: EntityStore, data: InteractionHandled, event_time: int, event_id: str
) -> tuple[Interaction, bool]:
    """Change an interaction by an event, and the deltas by the difference.

    Return it, and whether the event is the one that counts now. A duplicate still moves the bucket to its own earlier
    time, and may name the customer.
    """
    key = interaction_key(data)
    raw = store.entities.get(key)
    known = None if raw is None else unpack(raw)
    if known is not None and expires_at(known, store.config) <= store.watermark:
        known = None
    before = () if known is None else derive(known, store.config)
    minute = event_time // MINUTE
    interaction = known or Interaction(minute)
    order = (data.revision, event_time, event_id)
    counts, earlier = order > interaction.order, minute < interaction.minute
    naming = interaction.naming
    if data.customer_id is not None:
        naming = max(naming or (event_time, "", ""), (event_time, order[2], data.customer_id))
    if not counts and not earlier and naming == interaction.naming:
        return interaction, False
    interaction.minute, interaction.naming = min(minute, interaction.minute), naming
    if counts:
        _replace(interaction, data, order, store.dimension_values(data))
    store.apply_difference(before, derive(interaction, store.config))
    due = expires_at(interaction, store.config) if known is None or earlier else None
    store.put(key, pack(interaction), due)
    return interaction, counts


def _replace(
    interaction: Interaction, data: InteractionHandled, order: Order, values: DimensionValues
) -> None:
    interaction.order, interaction.values = order, values
    interaction.outcome, interaction.legs, interaction.wait = data.outcome, data.legs, data.wait_ms
    interaction.talk, interaction.hold, interaction.wrap = data.talk_ms, data.hold_ms, data.wrap_ms


def expires_at(interaction: Interaction, config: AggregationConfig) -> int:
    """Return the watermark in ms from which on every event of the interaction would be late."""
    return (interaction.minute * MINUTE // HOUR + 1) * HOUR + config.allowed_lateness
