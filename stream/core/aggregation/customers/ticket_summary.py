"""Summaries of tickets, written by the workers of `cx.tickets`: FCR, repeat contacts and ticket satisfaction.

The summary with the highest number replaces the others whole. One that says "gone" contributes nothing, but keeps its
number, so that an older one that is read later changes nothing. A changed summary stays dirty until the flush.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from schemas.tickets import TicketSummarized
from stream.core.aggregation.customers.entity import Rollup, hashed_child_key
from stream.core.aggregation.entity_store import project_dimensions
from stream.core.model.aggregate import Contribution, Vector
from stream.core.model.aggregates.customers import FCR, WEEK, FcrLayout
from stream.core.model.aggregates.joined import TICKET_CSAT, TicketCsatLayout
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

SUMMARY, SUMMARY_OF_NOBODY = b"s", b"a"
"""Kinds of entities: the ticket of a customer, and that of nobody, whose ID is never taken for a customer's."""


class ContactSummary(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A ticket as the repeat-contact index knows it: topic, creation, and solve if it may be a first contact (ms)."""

    topic: str
    created: int
    solved: int | None


class TicketAnswer(NamedTuple):
    """An answer to CSAT about a ticket: its moment in ms, a hash of its ID, and whether the customer was satisfied."""

    moment: int
    answer: bytes
    satisfied: bool


class TicketSummary(msgspec.Struct, array_like=True, gc=False):
    """One ticket, as the summary with the highest number has it. Times in ms.

    `judged` is the newest timestamp of the partition at its record. `topic` is the present one, "" if there is none.
    `solved` is the first solve by people, `reopened` the first reopening after it, `values` the dimensions at the solve.
    `contact` is what the index knows. `repeated`: another ticket was created within a week after the solve. `present` are the
    present dimensions, `first_response` is the fate of the first response, None until there is one. `answers` are those to
    CSAT that name the ticket, in order; older ones than the newest `MAX_ANSWERS` are `final_answers`, by bucket.
    """

    number: int = -1
    judged: int = 0
    gone: bool = False
    resolved: bool = False
    topic: str = ""
    created: int | None = None
    solved: int | None = None
    one_contact: bool = False
    reopened: int | None = None
    values: DimensionValues = ()
    contact: ContactSummary | None = None
    repeated: bool = False
    present: DimensionValues = ()
    first_response: str | None = None
    answers: list[TicketAnswer] = []
    final_answers: Rollup = {}


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], TicketSummary] = msgspec.msgpack.Decoder(TicketSummary).decode


def summary_key(data: TicketSummarized) -> bytes:
    """Return the key of a ticket: of a customer's, it begins with the customer's ID and ends with a hash."""
    if data.customer_id is None:
        return SUMMARY_OF_NOBODY + data.ticket_id.encode()
    return hashed_child_key(SUMMARY, data.customer_id, data.ticket_id)


def expires_at(summary: TicketSummary, config: AggregationConfig) -> int | None:
    """Return the newest timestamp in ms at which a summary is forgotten, None while the ticket is unresolved.

    An answer about it keeps it as long as a record of its own.
    """
    is_open = summary.created is not None and not summary.resolved and not summary.gone
    return None if is_open else summary.judged + config.entity_retention


def contact_summary(summary: TicketSummary) -> ContactSummary | None:
    """Return a ticket as the repeat-contact index is to know it, None if the ticket does not count."""
    if summary.gone or summary.created is None:
        return None
    return ContactSummary(summary.topic, summary.created, _possible_first_contact(summary))


def _possible_first_contact(summary: TicketSummary) -> int | None:
    """Return the solve in ms if it needed one contact and was not reopened within a week, both ends inside."""
    solved, reopened = summary.solved, summary.reopened
    if solved is None or not summary.one_contact:
        return None
    return None if reopened is not None and reopened <= solved + WEEK else solved


def derive(summary: TicketSummary, config: AggregationConfig) -> tuple[Contribution, ...]:
    """Return the contributions of a ticket to FCR and ticket satisfaction."""
    if summary.gone or summary.created is None:
        return ()
    first_contact = _first_contact(summary, config)
    if not summary.answers and not summary.final_answers:
        return first_contact
    return (*first_contact, *_satisfaction(summary, config))


def csat_vector(*, satisfied: bool) -> Vector:
    """Return the vector of an answer about a ticket."""
    return {TicketCsatLayout.SATISFIED if satisfied else TicketCsatLayout.DISSATISFIED: 1}


def _satisfaction(summary: TicketSummary, config: AggregationConfig) -> Iterator[Contribution]:
    """Yield the answers about a ticket at their moments, with its present dimensions."""
    values = project_dimensions(summary.present, config)
    own_labels = (summary.first_response or "none",)
    for moment, _, satisfied in summary.answers:
        vector = csat_vector(satisfied=satisfied)
        yield Contribution(TICKET_CSAT.name, values, own_labels, moment // MINUTE, vector)
    for minute, vector in summary.final_answers.items():
        yield Contribution(TICKET_CSAT.name, values, own_labels, minute, vector)


def _first_contact(summary: TicketSummary, config: AggregationConfig) -> tuple[Contribution, ...]:
    """Return the contribution of a ticket at its first solve by people, with the dimensions then."""
    if summary.solved is None:
        return ()
    is_first_contact = _possible_first_contact(summary) is not None and not summary.repeated
    component = FcrLayout.FIRST_CONTACT if is_first_contact else FcrLayout.OTHER
    values = project_dimensions(summary.values, config)
    return (Contribution(FCR.name, values, (), summary.solved // MINUTE, {component: 1}),)
