"""Summaries of tickets, which `cx.customers` needs, written whenever they change."""

from copy import copy
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

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


class RecordPosition(msgspec.Struct, gc=False, frozen=True):
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
    event_time = position.event_time
    if ticket.naming is not None:
        # An older event that names nobody changes the ticket of one who came back after an erasure, too.
        event_time = max(event_time, ticket.naming.time)
    derived = []
    if ticket.summary and (summary is None or customer != ticket.summarized_to):
        removal = TicketSummarized(
            ticket_id=ticket_id, customer_id=ticket.summarized_to, number=number, gone=True
        )
        event_id = f"{number}/gone/{ticket_id}"[:256]
        derived.append(DerivedEvent(removal, event_id, event_time, position.record_timestamp))
    if summary is not None:
        summary.number = number
        event_id = f"{number}/{ticket_id}"[:256]
        derived.append(DerivedEvent(summary, event_id, event_time, position.record_timestamp))
    ticket.summary, ticket.summarized_to = digest, None if summary is None else customer
    return derived


def _summary(
    ticket_id: str,
    customer: str | None,
    history: History,
    attributes: Attributes,
    config: AggregationConfig,
) -> TicketSummarized:
    """Return the summary of a ticket, with number 0."""
    solve = history.first_human_solve
    at_solve = None if solve is None else attributes.at(solve.time)
    # The values were checked when their events were read, and a copy does not check them again.
    summary = copy(_of_dimensions(at_solve, attributes.present, config.dimensions))
    summary.ticket_id, summary.customer_id, summary.topic = ticket_id, customer, attributes.topic
    summary.created, summary.resolved = from_ms(history.created), history.resolved
    summary.first_response = _first_response(history, attributes, config)
    if solve is not None:
        summary.solved = from_ms(solve.time)
        summary.one_contact = solve.contact_count == 1
        summary.reopened = None if history.reopened is None else from_ms(history.reopened)
    return summary


@lru_cache(maxsize=50_000)
def _of_dimensions(
    at_solve: DimensionValues | None, present: DimensionValues, dimensions: tuple[str, ...]
) -> TicketSummarized:
    """Return a summary with dimension values at the solve (None: not solved) and at present. It must not be changed."""
    summary = TicketSummarized(ticket_id="", number=0, present=_named(present, dimensions))
    if at_solve is not None:
        named = _named(at_solve, dimensions)
        for name in summary.DIMENSIONS:
            setattr(summary, name, named.get(name))
        summary.labels = {
            name: value for name, value in named.items() if name not in NAMED_DIMENSIONS
        } or None
    return summary


def _named(values: DimensionValues, dimensions: tuple[str, ...]) -> dict[str, str]:
    """Return the values that are known, by dimension."""
    pairs = zip(dimensions, values, strict=False)
    return {name: value for name, value in pairs if value is not None}


def _first_response(
    history: History, attributes: Attributes, config: AggregationConfig
) -> Literal["in_time", "late"] | None:
    """Return whether the first response was within its target, None without a response."""
    if not history.responses:
        return None
    first = history.responses[0]
    return "late" if judge(first, attributes.at(first[1]), config).late else "in_time"
