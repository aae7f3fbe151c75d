"""Events of feedback: how each changes its answer."""

from collections.abc import Callable
from typing import Any

from schemas.envelope import Event
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.notes import OF_NOTES
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.event_ids import compact_id
from stream.core.aggregation.feedback import notes
from stream.core.aggregation.feedback.comments import forget_comment, write_comment
from stream.core.aggregation.feedback.derive import derive, expires_at, scale_is_capped
from stream.core.aggregation.feedback.entity import (
    ANSWER,
    DELETED,
    OFFERED,
    SUBMITTED,
    Answer,
    AnswerContent,
    NamingOrder,
    Offer,
    is_response,
    pack,
    unpack,
)
from stream.core.aggregation.feedback.responders import record_response
from stream.core.aggregation.feedback.summary import summarize, write_changes
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import MINUTE

_RANKS: dict[type, int] = {
    FeedbackOffered: OFFERED,
    FeedbackSubmitted: SUBMITTED,
    FeedbackDeleted: DELETED,
}


def process(store: EntityStore, event: Event, event_time: int, owner: bytes) -> Outcome:
    """Change the answer or note of an owner by an event, and the deltas by the difference. `event_time` is in ms.

    Forgetting is decided here, not when the entity is deleted at a flush, so that figures do not depend on flushes. The
    contributions of a forgotten answer stay until their panes expire.
    """
    data: Any = event.data
    if type(data) in OF_NOTES:
        return notes.process(store, event, event_time)
    key = ANSWER + owner
    raw = store.entities.get(key)
    answer = Answer() if raw is None else unpack(raw)
    if raw is not None and expires_at(answer.newest_minute, store.config) <= store.watermark:
        raw, answer = None, Answer()
        forget_comment(store, key)
    before, newest, named_by = derive(answer, store.config), answer.newest_minute, answer.naming_order
    summary_before = summarize(data.feedback_id, answer)
    outcome = HANDLERS[type(data)](store, answer, event, event_time)
    if outcome == "accepted" and type(data) is not FeedbackOffered:
        write_comment(store, key, data, answer, event_time)
    _name_customer(answer, named_by, data.customer_id, (event_time, _RANKS[type(data)], event.id))
    packed = pack(answer)
    if packed == raw:
        return outcome
    store.apply_difference(before, derive(answer, store.config))
    # An older event that names nobody changes the answer of one who came back after an erasure, too.
    naming = answer.naming_order
    summarized_at = event_time if naming is None else max(event_time, naming[0])
    write_changes(store, summary_before, summarize(data.feedback_id, answer), summarized_at)
    due = expires_at(answer.newest_minute, store.config)
    store.put(key, packed, None if raw and due == expires_at(newest, store.config) else due)
    return outcome


def _name_customer(
    answer: Answer, named_by: NamingOrder | None, customer: str | None, order: NamingOrder
) -> None:
    """Set the customer to that of the highest order, whatever the order of reading is.

    `named_by` is the order of the event that named the customer so far, None if none did. Of copies with the same order
    the customer decides, so that the result is the same for every order of reading.
    """
    if customer is not None and (named_by is None or (order, customer) > (named_by, answer.customer)):
        answer.customer, named_by = customer, order
    counting = answer.counting_order
    if named_by is None or (counting is not None and named_by == (counting[1], SUBMITTED, counting[2])):
        answer.named_by = None
    else:
        answer.named_by = (*named_by[:2], compact_id(named_by[2]))


def _offer(store: EntityStore, answer: Answer, event: Event, event_time: int) -> Outcome:
    data: Any = event.data
    if answer.offer is not None:
        return "duplicate"
    answer.offer = Offer(event_time // MINUTE, data.survey, store.dimension_values(data))
    return "accepted"


def _submit(store: EntityStore, answer: Answer, event: Event, event_time: int) -> Outcome:
    data: Any = event.data
    if data.customer_id is not None and is_response(data.survey, data.score, data.reasons):
        record_response(store, data.customer_id, event_time)
    counting = answer.counting_order
    earliest = event_time if counting is None else min(event_time, answer.time)
    if counting is not None and (data.revision, event_time, event.id) <= counting:
        answer.time, answer.delay = earliest, counting[1] - earliest
        return "duplicate"
    answer.time, answer.delay = earliest, event_time - earliest
    answer.revision, answer.id = data.revision, compact_id(event.id)
    content = _content(store, data, event_time)
    answer.content = content if answer.deleted is None else None
    return "accepted"


def _content(store: EntityStore, data: FeedbackSubmitted, event_time: int) -> AnswerContent:
    reasons, transaction = data.reasons or (), data.transaction_ms
    if reasons:
        reasons = tuple({store.cardinality.cap_code("reasons", data.survey, code): 0 for code in reasons})
    return AnswerContent(
        data.survey,
        data.score,
        data.scale,
        data.direction,
        transaction is not None and event_time < transaction,
        reasons,
        store.dimension_values(data),
        data.score is not None and scale_is_capped(store, data.survey, data.scale, data.direction),
        data.ticket_id if data.survey == "csat" else None,
    )


def _delete(_store: EntityStore, answer: Answer, _event: Event, event_time: int) -> Outcome:
    if answer.deleted is not None:
        return "duplicate"
    answer.deleted = event_time // MINUTE
    answer.content = None
    return "accepted"


HANDLERS: dict[type, Callable[[EntityStore, Answer, Event, int], Outcome]] = {
    FeedbackOffered: _offer,
    FeedbackSubmitted: _submit,
    FeedbackDeleted: _delete,
}
"""Handlers by type of event. Each changes the answer it is given, which may be new."""
