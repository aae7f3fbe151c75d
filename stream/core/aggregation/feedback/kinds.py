"""Kinds of entities of feedback."""

import msgspec

from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.derive import derive, expires_at
from stream.core.aggregation.feedback.entity import ANSWER, RESPONDER, pack, person, unpack
from stream.core.aggregation.feedback.notes import NotesKind
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig


class AnswerKind(EntityKind):
    """Answers. An erasure retracts nothing of them: an answer is a finished count."""

    def person(self, key: bytes, raw: bytes) -> bytes | None:
        """Return the ID of the present customer, None if no event names one."""
        del key
        return person(raw)

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the watermark in ms from which on every event of the answer would be late."""
        del key
        return expires_at(unpack(raw).newest_minute, config)

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Derive the contributions."""
        del key
        return tuple(derive(unpack(raw), config))

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values of content and offer."""
        del key
        answer, replace = unpack(raw), msgspec.structs.replace
        if answer.content is not None:
            values = store.remap_values(answer.content.values, old_dimensions)
            answer.content = replace(answer.content, values=values)
        if answer.offer is not None:
            values = store.remap_values(answer.offer.values, old_dimensions)
            answer.offer = replace(answer.offer, values=values)
        return pack(answer)


class ResponderKind(EntityKind):
    """Customers who answer surveys: the key, which holds the customer's ID, is all there is."""

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Return the customer's ID."""
        del raw
        return key[1:]


KINDS = (
    AnswerKind(ANSWER, "answers", unpack, remembered=True, expires_unread=True),
    ResponderKind(RESPONDER, "responder", bytes),
    NotesKind(),
)
