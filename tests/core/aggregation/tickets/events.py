"""Ticket events for tests, with IDs of their own."""

from collections.abc import Iterable
from itertools import count as counter
from typing import Any

from schemas.fields import Data
from schemas.tickets import (
    InteractionHandled,
    TicketCreated,
    TicketDeleted,
    TicketHandoff,
    TicketMerged,
    TicketMessage,
    TicketStatus,
    TicketUpdated,
)
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.metrics.metric import Metric
from tests.support import Event, aggregation_config, count, figures, records, single

_ids = counter()


def _event(data: Data, at: int, event_id: str | None, stamp: int | None) -> Event:
    return Event(data, at, at if stamp is None else stamp, event_id or f"e{next(_ids):08}")


def created(
    at: int, ticket: str = "t", *, event_id: str | None = None, stamp: int | None = None, **fields: Any
) -> Event:
    return _event(TicketCreated(ticket_id=ticket, **fields), at, event_id, stamp)


def message(
    at: int,
    author: str = "agent",
    ticket: str = "t",
    *,
    event_id: str | None = None,
    stamp: int | None = None,
    **fields: Any,
) -> Event:
    fields.setdefault("message_id", f"m{next(_ids)}")
    return _event(TicketMessage(ticket_id=ticket, author=author, **fields), at, event_id, stamp)


def status(
    at: int,
    to: str,
    ticket: str = "t",
    *,
    event_id: str | None = None,
    stamp: int | None = None,
    **fields: Any,
) -> Event:
    return _event(TicketStatus(ticket_id=ticket, status=to, **fields), at, event_id, stamp)


def handoff(at: int, ticket: str = "t", *, stamp: int | None = None, **fields: Any) -> Event:
    return _event(TicketHandoff(ticket_id=ticket, **fields), at, None, stamp)


def updated(at: int, ticket: str = "t", *, stamp: int | None = None, **fields: Any) -> Event:
    return _event(TicketUpdated(ticket_id=ticket, **fields), at, None, stamp)


def merged(at: int, ticket: str = "t", *, stamp: int | None = None, **fields: Any) -> Event:
    return _event(TicketMerged(ticket_id=ticket, into="another", **fields), at, None, stamp)


def deleted(at: int, ticket: str = "t", *, stamp: int | None = None, **fields: Any) -> Event:
    return _event(TicketDeleted(ticket_id=ticket, **fields), at, None, stamp)


def handled(
    at: int,
    talk: float,
    hold: float = 0,
    wrap: float = 0,
    *,
    interaction_id: str | None = None,
    stamp: int | None = None,
    **fields: Any,
) -> Event:
    data = InteractionHandled(
        interaction_id=interaction_id or f"i{next(_ids)}", talk_s=talk, hold_s=hold, wrap_s=wrap, **fields
    )
    return _event(data, at, None, stamp)


def counted(events: Iterable[Event], **changes: Any) -> PartitionTask:
    """Return a partition that processed these events under settings with changes."""
    return count(Tickets(), events, aggregation_config(**changes))


def one_by_one(events: Iterable[Event], **changes: Any) -> PartitionTask:
    """Return a partition that processed these events with a flush after each."""
    partition = single(Tickets(), aggregation_config(**changes))
    for record in records(events):
        partition.process([record], record.timestamp)
        partition.prepare_flush(record.timestamp, 0)
    return partition


def metric_figures(
    metric: Metric, partition: PartitionTask, now: int, window: str = "30d", **filters: Any
) -> dict[tuple[str, ...], float]:
    """Return the figures of a metric at `now`."""
    return figures(metric, partition, now, window, **filters)
