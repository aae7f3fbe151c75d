"""Handled interactions. The highest revision counts, in the bucket of the earliest."""

from collections.abc import Callable

import msgspec

from schemas.tickets import InteractionHandled
from stream.core.aggregation.entity_store import EntityStore, project_dimensions
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.tickets import HANDLE, handle_vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import HOUR, MINUTE

INTERACTION = b"i"


class Interaction(msgspec.Struct, array_like=True, gc=False):
    """One `interaction_id`, with the contributions that were last derived.

    `minute` is the bucket of the earliest time among the revisions. The rest is of the highest revision. `handle_ms` is
    talk, hold and wrap-up.
    """

    person_key: bytes
    minute: int
    revision: int = -1
    outcome: str = "handled"
    handle_ms: int = 0
    legs: int = 1
    values: DimensionValues = ()
    contributions: tuple[Contribution, ...] = ()


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Interaction] = msgspec.msgpack.Decoder(Interaction).decode


def derive(interaction: Interaction, config: AggregationConfig) -> tuple[Contribution, ...]:
    """Return the contributions of an interaction."""
    vector = handle_vector(interaction.outcome, interaction.handle_ms, interaction.legs)
    if not vector:
        return ()
    return (
        Contribution(
            HANDLE.name, project_dimensions(interaction.values, config), (), interaction.minute, vector
        ),
    )


def process(store: EntityStore, data: InteractionHandled, event_time: int, person_key: bytes) -> Outcome:
    """Change an interaction by an event. A duplicate still moves the bucket to its own earlier time."""
    key = INTERACTION + data.interaction_id.encode()
    raw = store.entities.get(key)
    minute = event_time // MINUTE
    interaction = Interaction(person_key, minute) if raw is None else unpack(raw)
    higher, earlier = data.revision > interaction.revision, minute < interaction.minute
    if not higher and not earlier:
        return "duplicate"
    interaction.minute = min(minute, interaction.minute)
    if higher:
        interaction.revision, interaction.outcome, interaction.legs = data.revision, data.outcome, data.legs
        interaction.handle_ms = data.talk_ms + data.hold_ms + data.wrap_ms
        interaction.values = store.dimension_values(data)
    contributions = derive(interaction, store.config)
    store.apply_difference(interaction.contributions, contributions)
    interaction.contributions = contributions
    store.put(
        key, pack(interaction), expires_at(interaction, store.config) if raw is None or earlier else None
    )
    return "accepted" if higher else "duplicate"


def expires_at(interaction: Interaction, config: AggregationConfig) -> int:
    """Return the watermark in ms from which on every event of the interaction would be late."""
    return (interaction.minute * MINUTE // HOUR + 1) * HOUR + config.allowed_lateness
