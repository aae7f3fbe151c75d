"""Records that change a ticket's summary: those of the ticket, and answers about it.

A changed summary stays dirty until the flush.
"""

from bisect import insort
from collections.abc import Mapping

import msgspec

from schemas.tickets import TicketSummarized
from schemas.times import Time, to_ms
from stream.core.aggregation.customers import rollup
from stream.core.aggregation.customers.answers import MAX_ANSWERS
from stream.core.aggregation.customers.entity import retention_start
from stream.core.aggregation.customers.ticket_changes import derive_changes
from stream.core.aggregation.customers.ticket_summary import (
    TicketAnswer,
    TicketSummary,
    csat_vector,
    expires_at,
    summary_key,
    unpack,
)
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE


def process(store: EntityStore, data: TicketSummarized) -> None:
    """Replace the summary of a ticket unless a higher number is known."""
    key = summary_key(data)
    known = load(store, key)
    if data.number < known.number:
        return
    ignored = len(store.ignored_labels)
    values = store.dimension_values(data, data.ticket_topic)
    del store.ignored_labels[ignored:]  # derived events count no labels
    created, solved, reopened = _ms(data.created), _ms(data.solved), _ms(data.reopened)
    # The summary of a flush has the timestamp of its last record, which may be older than others of the ticket.
    judged = max(store.newest_timestamp, created or 0, solved or 0, reopened or 0)
    store.dirty[key] = TicketSummary(
        number=data.number,
        judged=judged,
        gone=data.gone,
        resolved=data.resolved,
        topic=data.topic or "",
        created=created,
        solved=solved,
        one_contact=data.one_contact,
        reopened=reopened,
        values=values,
        contact=known.contact,
        repeated=known.repeated,
        present=store.cardinality.cap_values(_positional(data.present or {}, store.config)),
        first_response=data.first_response,
        answers=known.answers,
        final_answers=known.final_answers,
    )


def _positional(named: Mapping[str, str], config: AggregationConfig) -> DimensionValues:
    return tuple(map(named.get, config.dimensions))


def replace_answer(store: EntityStore, key: bytes, answer: bytes, counting: TicketAnswer | None) -> None:
    """Replace the answer with this hash about the ticket with this key. `counting` None: it does not count any more.

    The ticket may be unknown yet. One that is forgotten begins anew.
    """
    known = load(store, key)
    answers = [other for other in known.answers if other.answer != answer]
    if counting is not None:
        insort(answers, counting)
    if answers == known.answers:
        return
    judged = max(known.judged, store.newest_timestamp)
    changed = msgspec.structs.replace(known, answers=answers, judged=judged)
    if len(changed.answers) > MAX_ANSWERS:
        _finalize_oldest(changed, store)
    store.dirty[key] = changed


def _finalize_oldest(summary: TicketSummary, store: EntityStore) -> None:
    moment, _, satisfied = summary.answers.pop(0)
    summary.final_answers = {minute: vector.copy() for minute, vector in summary.final_answers.items()}
    newest = store.newest_timestamp // MINUTE
    start = retention_start(newest, store.config)
    rollup.downsample(summary.final_answers, newest, start)
    rollup.add_vector(
        summary.final_answers, moment // MINUTE, csat_vector(satisfied=satisfied), newest, start
    )


def _ms(time: Time | None) -> int | None:
    return None if time is None else to_ms(time)


def load(store: EntityStore, key: bytes) -> TicketSummary:
    """Return the known summary of a ticket. One that was never known begins anew.

    So does one that is forgotten, before a flush has deleted it. Its contributions stay.
    """
    summary: TicketSummary | None = store.dirty.get(key)
    if summary is None:
        raw = store.entities.get(key)
        if raw is None:
            return TicketSummary()
        summary = unpack(raw)
    expiry = expires_at(summary, store.config)
    if expiry is None or expiry > store.newest_timestamp:
        return summary
    derive_changes(store)
    store.put(key, None, None)
    return TicketSummary()
