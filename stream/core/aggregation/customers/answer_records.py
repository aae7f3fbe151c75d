"""Summaries of answers that are read: how each changes its customer and the ticket that it names.

The summary of an answer with the highest number replaces the others whole. The number of one that does not count is kept
as long as a closed ticket, so that an older summary that is read later changes nothing.
"""

from collections.abc import Callable

import msgspec

from schemas.feedback import AnswerSummarized
from schemas.times import to_ms
from stream.core.aggregation.customers import answers
from stream.core.aggregation.customers.answers import NAMES, AnswerCode, KnownAnswer
from stream.core.aggregation.customers.entity import (
    WITHDRAWN_ANSWER,
    Customer,
    digest,
    hashed_child_key,
    key_prefix,
)
from stream.core.aggregation.customers.ticket_records import replace_answer
from stream.core.aggregation.customers.ticket_summary import SUMMARY, TicketAnswer
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.event_ids import CompactId, compact_id
from stream.core.model.aggregates.joined import CHURN_EXIT_REASONS

pack = msgspec.msgpack.Encoder().encode
Withdrawn = tuple[int, int]
"""Number of the summary, and the partition's newest timestamp at its record in ms."""
unpack: Callable[[bytes], Withdrawn] = msgspec.msgpack.Decoder(Withdrawn).decode


def process(store: EntityStore, customer: Customer, data: AnswerSummarized) -> None:
    """Replace an answer of a customer unless a higher number is known, or the answer is final."""
    feedback_id = compact_id(data.feedback_id)
    if _find(customer.final_answers, feedback_id) is not None:
        return
    key = hashed_child_key(WITHDRAWN_ANSWER, data.customer_id, data.feedback_id)
    known = _find(customer.answers, feedback_id)
    number = _withdrawn_number(store, key) if known is None else known.number
    if data.number < number:
        return
    customer.answers = [answer for answer in customer.answers if answer is not known]
    counts = data.counts and not data.gone
    joined = _insert(store, customer, known, data, feedback_id) if counts else None
    _tell_ticket(store, data, known, joined)
    if counts and key in store.entities:
        store.put(key, None, None)
    elif not counts:
        newest = store.newest_timestamp
        store.put(key, pack((data.number, newest)), newest + store.config.entity_retention)


def _find(answers: list[KnownAnswer], feedback_id: CompactId) -> KnownAnswer | None:
    """Return the answer with an ID, None if there is none."""
    for answer in answers:
        if answer.id == feedback_id:
            return answer
    return None


def _withdrawn_number(store: EntityStore, key: bytes) -> int:
    """Return the number of the last summary of an answer that does not count, -1 if none is known."""
    if (raw := store.entities.get(key)) is None:
        return -1
    number, judged = unpack(raw)
    return number if judged + store.config.entity_retention > store.newest_timestamp else -1


def _insert(
    store: EntityStore,
    customer: Customer,
    known: KnownAnswer | None,
    data: AnswerSummarized,
    feedback_id: CompactId,
) -> KnownAnswer | None:
    """Insert an answer that counts. Return None if it is older than all that are known, and was not one of them."""
    answer = KnownAnswer(
        moment=0 if data.moment is None else to_ms(data.moment),
        id=feedback_id,
        number=data.number,
        code=AnswerCode.EXIT if data.answer_class is None else NAMES.index(data.answer_class),
        ticket=digest(data.ticket_id) if data.ticket_id is not None and data.survey == "csat" else None,
        reasons=tuple(store.cardinality.cap_code(CHURN_EXIT_REASONS.name, "", code) for code in data.reasons),
    )
    dropped = answers.insert(customer.answers, answer)
    if dropped is answer and known is None:
        return None
    if dropped is not None:
        customer.final_answers = answers.finalize(customer.final_answers, dropped, customer.retention_start)
    return answer


def _tell_ticket(
    store: EntityStore, data: AnswerSummarized, known: KnownAnswer | None, joined: KnownAnswer | None
) -> None:
    """Replace the answer in the summary of the ticket that it names, or named before."""
    before = None if known is None else known.ticket
    after = None if joined is None else joined.ticket
    if before is None and after is None:
        return
    prefix, answer = key_prefix(SUMMARY, data.customer_id), digest(data.feedback_id)
    if before is not None and before != after:
        replace_answer(store, prefix + before, answer, None)
    if after is not None and joined is not None:
        satisfied = joined.code == AnswerCode.SATISFIED
        replace_answer(store, prefix + after, answer, TicketAnswer(joined.moment, answer, satisfied))
