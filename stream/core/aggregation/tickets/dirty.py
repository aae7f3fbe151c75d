"""Tickets that changed since the last flush: each is derived and summarized once, whatever the number of its events."""

from collections.abc import Iterator
from operator import attrgetter

from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets.attributes import Attributes
from stream.core.aggregation.tickets.derive import derive
from stream.core.aggregation.tickets.entity import TICKET, Ticket, expires_at, pack, unpack
from stream.core.aggregation.tickets.history import history
from stream.core.aggregation.tickets.summary import RecordPosition, summarize
from stream.core.model.aggregate import Deltas
from stream.core.model.aggregation_config import AggregationConfig

_NO_POSITION = RecordPosition(0, 0, 0)


class DirtyTicket:
    """A changed ticket, and the record that last changed it.

    `counted` is the packed ticket whose contributions the panes and deltas hold, None if they hold none.
    `is_scheduled`: a timer of its expiry is registered.
    """

    __slots__ = ("counted", "is_scheduled", "position", "ticket")

    def __init__(self, ticket: Ticket, counted: bytes | None, *, is_scheduled: bool) -> None:
        self.ticket = ticket
        self.counted = counted
        self.is_scheduled = is_scheduled
        self.position = _NO_POSITION

    def touch(self, store: EntityStore, event_time: int) -> None:
        """Note that the store's present record changed the ticket. `event_time` in ms."""
        self.position = RecordPosition(store.offset, event_time, store.record_timestamp)
        self.ticket.last_record = max(self.ticket.last_record, store.watermark)


def derive_ticket(ticket: Ticket, config: AggregationConfig, into: Deltas, sign: int = 1) -> None:
    """Add the contributions of a ticket to deltas. A `sign` of -1 retracts them."""
    history_ = history(ticket)
    derive(ticket, history_, None if history_ is None else Attributes(ticket), config, into, sign)


def load(store: EntityStore, key: bytes) -> DirtyTicket:
    """Return the ticket with a key to be changed. One that is forgotten, or was never known, begins anew.

    The contributions of a forgotten ticket stay, but those to stocks.
    """
    dirty: DirtyTicket | None = store.dirty.get(key)
    if dirty is None:
        raw = store.entities.get(key)
        if raw is None:
            return DirtyTicket(Ticket(), None, is_scheduled=False)
        ticket = unpack(raw)
        dirty = DirtyTicket(ticket, raw, is_scheduled=ticket.forgettable)
    elif _has_expired(store, dirty.ticket):
        _bring_up_to_date(store, key, dirty)
        dirty.counted = pack(dirty.ticket)
    if dirty.ticket.forgettable and _has_expired(store, dirty.ticket):
        counted = dirty.counted if dirty.ticket.is_orphan else None
        return DirtyTicket(Ticket(), counted, is_scheduled=dirty.is_scheduled)
    return dirty


def _has_expired(store: EntityStore, ticket: Ticket) -> bool:
    return ticket.last_record + store.config.entity_retention <= store.watermark


def derive_changes(store: EntityStore) -> None:
    """Derive the dirty tickets, pack them, and write the summaries that changed."""
    for key, dirty in store.dirty.items():
        _bring_up_to_date(store, key, dirty)
        ticket: Ticket = dirty.ticket
        is_due = ticket.forgettable and not dirty.is_scheduled
        store.put(key, pack(ticket), expires_at(ticket.last_record, store.config) if is_due else None)
    store.dirty = {}


def _bring_up_to_date(store: EntityStore, key: bytes, dirty: DirtyTicket) -> None:
    """Bring the deltas and summaries up to date with a ticket."""
    ticket, config = dirty.ticket, store.config
    if dirty.counted is not None:
        counted = unpack(dirty.counted)
        if _content(counted) == _content(ticket):  # a note, or a message of a bot
            return
        derive_ticket(counted, config, store.deltas, -1)
    history_ = history(ticket)
    attributes = None if history_ is None else Attributes(ticket)
    derive(ticket, history_, attributes, config, store.deltas)
    ticket.forgettable = history_ is None or history_.resolved
    store.derived += summarize(key[1:].decode(), ticket, history_, attributes, dirty.position, config)


_WITHOUT_FIGURES = {"last_record", "dedup_keys", "naming", "forgettable", "summarized_to"}
"""Fields that contributions and summaries do not follow from. Of `naming` they need the customer only."""
_content = attrgetter(
    *(field for field in Ticket.__struct_fields__ if field not in _WITHOUT_FIGURES), "customer"
)
"""Return the fields of a ticket that its contributions and its summary follow from, and the last summary."""


def rewrite_summaries(store: EntityStore, offset: int, record_timestamp: int) -> Iterator[None]:
    """Write the summaries that other settings change: fates under other targets, dimensions that are other labels.

    Yields after each slice of tickets. Their number is that of the last record, `offset`, and `record_timestamp` (ms) is theirs, because no record caused them.
    """
    for part in store.entities.slices(TICKET):
        for key, raw in part:
            ticket = unpack(raw)
            history_ = history(ticket)
            attributes = None if history_ is None else Attributes(ticket)
            position = RecordPosition(offset, ticket.last_record, record_timestamp)
            changed = summarize(key[1:].decode(), ticket, history_, attributes, position, store.config)
            if changed:
                store.derived += changed
                store.put(key, pack(ticket), None)
        yield
