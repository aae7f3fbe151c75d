"""Events of tickets: how each changes its ticket, in any order of arrival.

A ticket keeps everything that a later event can make matter: 8 bytes for the deduplication key of an event, and some 50
for an event that counts. Notes, messages of bots and systems, and the customer's messages after the first never count.
A ticket of 10,000 messages takes at most 0.4 MB, no ticket more than 0.9 MB. Past the caps below the oldest
deduplication keys are dropped, and the middle of the history. Beginning and present state stay correct.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from schemas.envelope import Event
from schemas.tickets import (
    TicketCreated,
    TicketDeleted,
    TicketHandoff,
    TicketMerged,
    TicketMessage,
    TicketStatus,
    TicketUpdated,
)
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets.entity import (
    BY_BOT,
    BY_PEOPLE,
    BY_TIMEOUT,
    HANDOFF,
    TOPIC,
    UNCHANGED,
    UNRESOLVED,
    Created,
    EventOrder,
    Ticket,
    cut_text,
)

MAX_DEDUP_KEYS, MAX_MESSAGES, MAX_STEPS = 20_000, 10_000, 1_000
"""Caps of a ticket: deduplication keys, messages of a kind, and steps."""
MAX_FULL_IDS, CUT_ID_BYTES = 256, 16
"""With more than `MAX_FULL_IDS` messages of a kind their IDs are cut to `CUT_ID_BYTES`."""


def dedup_key(event: Event) -> bytes:
    """Return the 8 bytes that identify an event within its ticket."""
    data = event.data
    if type(data) is TicketMessage:
        name = "m" + data.message_id
    else:
        name = f"e{len(event.source)}:{event.source}{event.id}"
    return blake2b(name.encode(), digest_size=8).digest()


def remember(ticket: Ticket, key: bytes) -> bool:
    """Remember the deduplication key of an event. Return False if the ticket has it."""
    keys = ticket.dedup_keys
    if key in keys and _is_known(keys, key):
        return False
    ticket.dedup_keys = keys + key if len(keys) < 8 * MAX_DEDUP_KEYS else keys[8:] + key
    return True


def _is_known(keys: bytes, key: bytes) -> bool:
    """Return whether one of the keys is `key`. Its bytes may also occur across two of them."""
    at = keys.find(key)
    while at >= 0 and at % 8:
        at = keys.find(key, at + 1)
    return at >= 0


def _insert_message(orders: list[EventOrder], order: EventOrder) -> None:
    if len(orders) < MAX_FULL_IDS:
        insort(orders, order)
        return
    if len(orders) == MAX_FULL_IDS:
        orders[:] = [(at, cut_text(name, CUT_ID_BYTES)) for at, name in orders]
    at, name = order
    insort(orders, (at, cut_text(name, CUT_ID_BYTES)))
    if len(orders) > MAX_MESSAGES:
        del orders[MAX_MESSAGES // 2]


def _prune_contacts(ticket: Ticket) -> None:
    if ticket.created is not None and len(ticket.contacts) > 1:
        del ticket.contacts[bisect_left(ticket.contacts, ticket.created.start) + 1 :]


def _create(store: EntityStore, ticket: Ticket, data: TicketCreated, order: EventOrder) -> None:
    created = Created(order, data.opened_by == "agent", data.topic or "", store.dimension_values(data))
    if ticket.created is None or created.rank < ticket.created.rank:
        ticket.created = created
        _prune_contacts(ticket)


def _message(_: EntityStore, ticket: Ticket, data: TicketMessage, order: EventOrder) -> None:
    if data.author == "agent" and data.public:
        _insert_message(ticket.replies, order)
    elif data.author == "customer":
        _insert_message(ticket.contacts, order)
        _prune_contacts(ticket)


def _insert_step(ticket: Ticket, order: EventOrder, kind: int) -> None:
    insort(ticket.steps, (order, kind))
    if len(ticket.steps) > MAX_STEPS:
        del ticket.steps[MAX_STEPS // 2]


_SOLVERS = {"bot": BY_BOT, "timeout": BY_TIMEOUT}


def _status(_: EntityStore, ticket: Ticket, data: TicketStatus, order: EventOrder) -> None:
    resolved = data.status in ("solved", "closed")
    _insert_step(ticket, order, _SOLVERS.get(data.by or "", BY_PEOPLE) if resolved else UNRESOLVED)


def _hand_off(_: EntityStore, ticket: Ticket, __: TicketHandoff, order: EventOrder) -> None:
    _insert_step(ticket, order, HANDOFF)


def _update(store: EntityStore, ticket: Ticket, data: TicketUpdated, order: EventOrder) -> None:
    values = zip(store.config.dimensions, store.dimension_values(data), strict=False)
    for name, value in [*values, (TOPIC, data.topic)]:
        if value is not None and (order, value) > ticket.last_changes.get(name, UNCHANGED):
            ticket.last_changes[name] = (order, value)


def _remove(_: EntityStore, ticket: Ticket, __: TicketMerged | TicketDeleted, ___: EventOrder) -> None:
    ticket.removed = True


HANDLERS: dict[type, Callable[[EntityStore, Ticket, Any, EventOrder], None]] = {
    TicketCreated: _create,
    TicketMessage: _message,
    TicketStatus: _status,
    TicketHandoff: _hand_off,
    TicketUpdated: _update,
    TicketMerged: _remove,
    TicketDeleted: _remove,
}
"""Handlers by type of event. Each changes the ticket it is given."""
