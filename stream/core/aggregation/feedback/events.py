"""Events of feedback: how each changes its answer."""

from collections.abc import Callable
from typing import Any

from schemas.envelope import Event
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import to_ms
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.derive import derive, expires_at
from stream.core.aggregation.feedback.entity import ANSWER, Answer, AnswerContent, Offer, pack, unpack
from stream.core.aggregation.feedback.responders import record_response
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import MINUTE


def process(store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
    """Change an answer by an event, and the deltas by the difference. `event_time` is in ms."""
    data: Any = event.data
    key = ANSWER + data.feedback_id.encode()
    raw = store.entities.get(key)
    answer, newest = Answer(person_key), -1
    if raw is not None:
        answer = unpack(raw)
        newest = answer.newest_minute
    minute, before = answer.minute, derive(answer, store.config)
    outcome = HANDLERS[type(data)](store, answer, data, event_time, person_key)
    if outcome == "duplicate" and answer.minute == minute:
        return outcome
    store.apply_difference(before, derive(answer, store.config))
    last = answer.newest_minute
    store.put(key, pack(answer), None if last == newest else expires_at(last, store.config))
    return outcome


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
    _store: EntityStore, answer: Answer, _data: FeedbackDeleted, event_time: int, _person: bytes
) -> Outcome:
    if answer.deleted is not None:
        return "duplicate"
    answer.deleted = event_time // MINUTE
    answer.content = None
    return "accepted"


HANDLERS: dict[type, Callable[[EntityStore, Answer, Any, int, bytes], Outcome]] = {
    FeedbackOffered: _offer,
    FeedbackSubmitted: _submit,
    FeedbackDeleted: _delete,
}
"""Handlers by type of event. Each changes the answer it is given, which may be new."""
