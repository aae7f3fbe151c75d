"""The domain of `cx.feedback`."""

from collections.abc import Sequence
from typing import Any

from schemas.envelope import Event
from schemas.fields import Data
from schemas.notes import OF_NOTES
from schemas.topics import FEEDBACK
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.entity import ANSWER
from stream.core.aggregation.feedback.events import HANDLERS, process
from stream.core.aggregation.feedback.fast_path import NewAnswerFastPath
from stream.core.aggregation.feedback.kinds import KINDS
from stream.core.model.outcomes import Outcome


class Feedback(Domain):
    """Answers to surveys, their offers, customers who answer, and notes."""

    name = "feedback"
    topic = FEEDBACK
    oldest_readable_version = 5
    owned = ANSWER
    kinds = KINDS
    commented = ANSWER
    open_codes = frozenset({"reasons", "ces"})

    def rejects_late(self, data: Data) -> bool:
        """Return True for every event of feedback."""
        return type(data) in HANDLERS or type(data) in OF_NOTES

    def owners(self, events: Sequence[Event]) -> list[bytes]:
        """Return the IDs of the answers and notes. Every event in a batch has one, also those of the fast path."""
        batch: Sequence[Any] = events
        try:
            return [event.data.feedback_id.encode() for event in batch]
        except AttributeError:  # a note, which is rare
            return [
                (data.note_id if type(data := event.data) in OF_NOTES else data.feedback_id).encode()
                for event in batch
            ]

    def entity_keys(self, data: Data) -> tuple[bytes, ...]:
        """Return the key of the answer. A note has none, because no erasure concerns it."""
        if type(data) in OF_NOTES:
            return ()
        answer: Any = data
        return (ANSWER + answer.feedback_id.encode(),)

    def process(self, store: EntityStore, event: Event, event_time: int, owner: bytes) -> Outcome:
        """Change an answer or note by an event, and the deltas at once."""
        return process(store, event, event_time, owner)

    def fast_path(self, store: EntityStore) -> NewAnswerFastPath:
        """Return the fast path for answers to which no entity belongs yet."""
        return NewAnswerFastPath(store)
