"""Summaries of tickets, which `cx.customers` needs, written whenever they change."""

from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

from schemas.tickets import TicketSummarized
from schemas.times import from_ms
from stream.core.aggregation.outgoing import DerivedEvent
from stream.core.aggregation.tickets.attributes import Attributes
from stream.core.aggregation.tickets.entity import Ticket
from stream.core.aggregation.tickets.history import History
from stream.core.aggregation.tickets.response import judge
from stream.core.model.aggregation_config import NAMED_DIMENSIONS, AggregationConfig, DimensionValues

_encode = msgspec.json.Encoder(order="deterministic").encode


class RecordPosition(NamedTuple):
    """The record that last changed a ticket: its offset, the event's time and the record's timestamp (ms)."""

    offset: int
    event_time: int
    record_timestamp: int


def summarize(
    ticket_id: str,
    ticket: Ticket,
    history: History | None,
    attributes: Attributes | None,
    position: RecordPosition,
    config: AggregationConfig,
) -> list[DerivedEvent]:
    """Return the summaries that are due, and remember them in the ticket. There are none if they would say the same.

    If the ticket moved to another customer, the former one is told first.
    """
    customer, number = ticket.customer, position.offset
    summary = None
    if history is not None and attributes is not None:
        summary = _summary(ticket_id, customer, history, attributes, config)
    digest = b"" if summary is None else blake2b(_encode(summary), digest_size=8).digest()
    if digest == ticket.summary:
        return []
    if ticket.naming is not None:
        # An older event that names nobody changes the ticket of one who came back after an erasure, too.
        position = position._replace(event_time=max(position.event_time, ticket.naming.time))
    derived = []
    if ticket.summary and (summary is None or customer != ticket.summarized_to):
        removal = TicketSummarized(
            ticket_id=ticket_id, customer_id=ticket.summarized_to, number=number, gone=True
        )
        derived.append(_event(removal, f"{number}/gone/{ticket_id}", position))
    if summary is not None:
        summary.number = number
        derived.append(_event(summary, f"{number}/{ticket_id}", position))
    ticket.summary, ticket.summarized_to = digest, None if summary is None else customer
    return derived


def _event(data: TicketSummarized, event_id: str, position: RecordPosition) -> DerivedEvent:
    return DerivedEvent(data, event_id[:256], position.event_time, position.record_timestamp)


def _summary(
    ticket_id: str,
    customer: str | None,
    history: History,
    attributes: Attributes,
    config: AggregationConfig,
) -> TicketSummarized:
    """Return the summary of a ticket, with number 0."""
    solve = history.first_human_solve
    summary = TicketSummarized(
        ticket_id=ticket_id,
        customer_id=customer,
        number=0,
        topic=attributes.topic,
        created=from_ms(history.created),
        resolved=history.resolved,
        first_response=_first_response(history, attributes, config),
        present=_named(attributes.present, config),
    )
    if solve is not None:
        summary.solved = from_ms(solve.time)
        summary.one_contact = solve.contact_count == 1
        summary.reopened = None if history.reopened is None else from_ms(history.reopened)
        _set_dimensions(summary, attributes.at(solve.time), config)
    return summary


def _set_dimensions(summary: TicketSummarized, values: DimensionValues, config: AggregationConfig) -> None:
    named = _named(values, config)
    for name in summary.DIMENSIONS:
        setattr(summary, name, named.get(name))
    summary.labels = {name: value for name, value in named.items() if name not in NAMED_DIMENSIONS} or None


def _named(values: DimensionValues, config: AggregationConfig) -> dict[str, str]:
    """Return the values that are known, by dimension."""
    pairs = zip(config.dimensions, values, strict=False)
    return {name: value for name, value in pairs if value is not None}


def _first_response(
    history: History, attributes: Attributes, config: AggregationConfig
) -> Literal["in_time", "late"] | None:
    """Return whether the first response was within its target, None without a response."""
    if not history.responses:
        return None
    first = history.responses[0]
    return "late" if judge(first, attributes.at(first[1]), config).late else "in_time"
