"""Events of tickets: how each changes its ticket, in any order of arrival.

A ticket keeps 8 bytes for the natural key of an event, 9 for a message that counts, 11 for a status. Notes and messages
of bots and systems never count. A ticket of 10,000 messages takes at most 0.2 MB, none more than 0.6 MB if the IDs of
its updates have up to 64 bytes. Past the caps below the oldest natural keys are dropped, and the middle of the history.
Beginning and present state stay correct.
"""

from bisect import insort
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
from stream.core.aggregation.content import checked_content
from stream.core.aggregation.entity_store import EntityStore, merge_values
from stream.core.aggregation.tickets.entity import (
    STEP_UNIT,
    Created,
    Naming,
    Rank,
    Solver,
    Ticket,
    Update,
)

MAX_DEDUP_KEYS, MAX_MESSAGES, MAX_STEPS, MAX_UPDATES, MAX_CONTACTS = 20_000, 10_000, 1_000, 1_000, 1_000
"""Caps of a ticket: natural keys, messages of a kind, steps, updates, handled interactions."""
_hasher = blake2b(digest_size=8)
"""Copied for each natural key, which takes half the time of a new one."""
_STATUSES = {
    "open": Rank.OPEN,
    "pending": Rank.PENDING,
    "on_hold": Rank.ON_HOLD,
    "solved": Rank.SOLVED,
    "closed": Rank.CLOSED,
}
_AUTHORS = {"customer": Rank.CUSTOMER_MESSAGE, "agent": Rank.CONTACT}
_SOLVERS = {"bot": Solver.BOT, "timeout": Solver.TIMEOUT}
_STEPS = {
    (status, by): rank * STEP_UNIT + _SOLVERS.get(by or "", Solver.PEOPLE)
    for status, rank in _STATUSES.items()
    for by in (None, "agent", "bot", "customer", "timeout")
}
"""Codes of steps by `status` and `by`."""
_RANKS: dict[type, Rank] = {
    TicketCreated: Rank.CREATED,
    TicketUpdated: Rank.UPDATED,
    TicketHandoff: Rank.HANDOFF,
    TicketMerged: Rank.MERGED,
    TicketDeleted: Rank.DELETED,
}


def rank_of(data: Any) -> Rank:
    """Return the rank of a ticket event among those of its moment."""
    if type(data) is TicketStatus:
        return _STATUSES[data.status]
    if type(data) is TicketMessage:
        return _AUTHORS.get(data.author, Rank.OTHER_MESSAGE)
    return _RANKS[type(data)]


def dedup_key(data: Any, event_time: int, labels: tuple[str, ...]) -> bytes:
    """Return 8 bytes for the natural key of an event within its ticket. `event_time` in ms."""
    if type(data) is TicketMessage:
        name = (b"message:1:" if data.public else b"message:0:") + data.message_id.encode()
    elif type(data) is TicketStatus:
        name = b"s%d:%b" % (event_time, data.status.encode())
    elif isinstance(data, (TicketCreated, TicketUpdated)):
        name = b"%d:%d:%b" % (rank_of(data), event_time, checked_content(data, labels))
    else:
        name = b"%d:%d" % (rank_of(data), event_time)
    hasher = _hasher.copy()
    hasher.update(name)
    return hasher.digest()


def remember(ticket: Ticket, key: bytes) -> bool:
    """Remember a natural key. Return False if the ticket has it."""
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


def name_customer(ticket: Ticket, customer: str | None, event_time: int, rank: Rank, event_id: str) -> bool:
    """Take the customer that an event names, unless a later event names one. Return whether it was taken."""
    if customer is None:
        return False
    naming = Naming(event_time, rank, event_id, customer)
    if ticket.naming is not None and naming <= ticket.naming:
        return False
    ticket.naming = naming
    return True


def process(store: EntityStore, ticket: Ticket, event: Event, event_time: int) -> None:
    """Change a ticket by an event that is no duplicate. `event_time` in ms."""
    data: Any = event.data
    if data.customer_id is not None:
        name_customer(ticket, data.customer_id, event_time, rank_of(data), event.id)
    _HANDLERS[type(data)](store, ticket, data, event_time, event.id)


def _create(store: EntityStore, ticket: Ticket, data: TicketCreated, time: int, event_id: str) -> None:
    values = store.dimension_values(data, data.topic)
    created = Created(time, event_id, data.opened_by, data.topic, values)
    if ticket.created is None or created.order < ticket.created.order:
        ticket.created = created


def _update(store: EntityStore, ticket: Ticket, data: TicketUpdated, time: int, event_id: str) -> None:
    updates = ticket.updates
    values = store.dimension_values(data, data.topic)
    insort(updates, Update(time, event_id, values, data.topic), key=lambda update: update.order)
    if len(updates) > MAX_UPDATES:
        middle = MAX_UPDATES // 2
        older, newer = updates[middle : middle + 2]
        updates[middle : middle + 2] = [
            Update(newer.time, newer.id, merge_values(older.values, newer.values), newer.topic or older.topic)
        ]


def _message(_: EntityStore, ticket: Ticket, data: TicketMessage, time: int, __: str) -> None:
    if not data.public:
        return
    if data.author == "agent":
        _insert(ticket.agent_messages, time, MAX_MESSAGES)
    elif data.author == "customer":
        _insert(ticket.customer_messages, time, MAX_MESSAGES)


def _status(_: EntityStore, ticket: Ticket, data: TicketStatus, time: int, __: str) -> None:
    _insert(ticket.steps, (time, _STEPS[data.status, data.by]), MAX_STEPS)


def _hand_off(_: EntityStore, ticket: Ticket, __: TicketHandoff, time: int, ___: str) -> None:
    _insert(ticket.steps, (time, Rank.HANDOFF * STEP_UNIT), MAX_STEPS)


def _remove(_: EntityStore, ticket: Ticket, __: TicketMerged | TicketDeleted, ___: int, ____: str) -> None:
    ticket.removed = True


def _insert(ordered: list[Any], item: Any, limit: int) -> None:
    insort(ordered, item)
    if len(ordered) > limit:
        del ordered[limit // 2]


_HANDLERS: dict[type, Callable[[EntityStore, Ticket, Any, int, str], None]] = {
    TicketCreated: _create,
    TicketUpdated: _update,
    TicketMessage: _message,
    TicketStatus: _status,
    TicketHandoff: _hand_off,
    TicketMerged: _remove,
    TicketDeleted: _remove,
}
