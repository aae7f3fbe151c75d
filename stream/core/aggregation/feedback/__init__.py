"""The domain of `cx.feedback`: what an event changes in the facts of an answer, and in the figures."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from schemas.envelope import Event
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import to_ms
from schemas.topics import FEEDBACK, DomainName
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import EntityStore, Outcome
from stream.core.aggregation.feedback.derive import derive, expires_at
from stream.core.aggregation.feedback.entity import ANSWER, Answer, AnswerContent, Offer, pack, unpack
from stream.core.aggregation.feedback.fast_path import UNCHECKED_SUBMITTED, NewAnswerFastPath
from stream.core.aggregation.feedback.responders import record_response
from stream.core.aggregation.pane_store import Cell
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import MINUTE

__all__ = ["Feedback"]


class Feedback:
    """The domain of `cx.feedback`."""

    name: DomainName = "feedback"
    topic = FEEDBACK
    oldest_readable_version = 1
    unchecked_types = (UNCHECKED_SUBMITTED,)

    def rejects_late(self, data: object) -> bool:
        """Whether an event may come too late: every one of this domain."""
        return type(data) in _HANDLERS

    def apply(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Enter an event in the facts of its answer, and what follows in the figures. `at` is in ms."""
        data: Any = event.data
        key = ANSWER + data.feedback_id.encode()
        raw = store.entities.get(key)
        answer, newest = Answer(person_key), -1
        if raw is not None:
            answer = unpack(raw)
            newest = answer.newest_minute
        minute, before = answer.minute, derive(answer, store.rules)
        outcome = _HANDLERS[type(data)](store, answer, data, event_time, person_key)
        if outcome == "duplicate" and answer.minute == minute:
            return outcome
        store.apply_difference(before, derive(answer, store.rules))
        last = answer.newest_minute
        store.put(key, pack(answer), None if last == newest else expires_at(last, store.rules))
        return outcome

    def validate_batch(self, store: EntityStore, events: Sequence[Event]) -> Sequence[Any] | None:
        """Where each answer goes, None for other events; None instead: an answer is not right."""
        if store.fast_path is None:
            store.fast_path = NewAnswerFastPath(store, self.apply)
        return cast(NewAnswerFastPath, store.fast_path).validate(events)

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> list[int]:
        """`apply` for each; the times of those accepted."""
        return cast(NewAnswerFastPath, store.fast_path).process(batch)

    def derive_changes(self, store: EntityStore) -> None:
        """Enter in the deltas what first answers added."""
        if store.fast_path is not None:
            store.fast_path.apply_pending()

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """The watermark at which an entity is forgotten."""
        if key[:1] == ANSWER:
            return expires_at(unpack(raw).newest_minute, config)
        return None

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity this is."""
        return unpack(raw).person_key if key[:1] == ANSWER else key[1:]

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """What an entity contributes."""
        return tuple(derive(unpack(raw), config)) if key[:1] == ANSWER else ()

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """What an erasure takes out of the figures: nothing, answers are finished counts."""
        del key, raw, config
        return ()

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions its values stand for."""
        if key[:1] != ANSWER:
            return raw
        answer, replace = unpack(raw), msgspec.structs.replace
        if answer.content is not None:
            answer.content = replace(answer.content, values=store.remap_values(answer.content.values, old))
        if answer.offer is not None:
            answer.offer = replace(answer.offer, values=store.remap_values(answer.offer.values, old))
        return pack(answer)

    def open_code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell, with the group within which codes are capped."""
        return (cell.own_labels[0], cell.own_labels[1]) if cell.aggregate == "reasons" else None


def _offer(
    store: EntityStore, answer: Answer, data: FeedbackOffered, event_time: int, _person: bytes
) -> Outcome:
    if answer.offer is not None:
        return "duplicate"
    answer.offer = Offer(event_time // MINUTE, data.survey, store.dimension_values(data))
    return "accepted"


def _content(store: EntityStore, data: FeedbackSubmitted, event_time: int) -> AnswerContent:
    reasons, moment = data.reasons, data.transaction_time
    if reasons:
        reasons = tuple({store.cardinality.cap_code("reasons", data.survey, code): 0 for code in reasons})
    premature = moment is not None and event_time < to_ms(moment)
    return AnswerContent(
        data.survey, data.score, data.scale, data.direction, premature, reasons, store.dimension_values(data)
    )


def _submit(
    store: EntityStore, answer: Answer, data: FeedbackSubmitted, event_time: int, person_key: bytes
) -> Outcome:
    minute = event_time // MINUTE
    if answer.revision < 0 or minute < answer.minute:
        answer.minute = minute
    if data.revision <= answer.revision:
        return "duplicate"
    answer.revision, answer.content = data.revision, _content(store, data, event_time)
    if data.customer_id is not None and answer.deleted is None and answer.content.is_response:
        record_response(store, data.customer_id, event_time, person_key)
    return "accepted"


def _delete(
    _book: EntityStore, answer: Answer, _data: FeedbackDeleted, event_time: int, _person: bytes
) -> Outcome:
    if answer.deleted is not None:
        return "duplicate"
    answer.deleted = event_time // MINUTE
    answer.content = None
    return "accepted"


_HANDLERS: dict[type, Callable[[EntityStore, Answer, Any, int, bytes], Outcome]] = {
    FeedbackOffered: _offer,
    FeedbackSubmitted: _submit,
    FeedbackDeleted: _delete,
}
"""What each type of event does to the facts of its answer, which are new or those that are known."""
