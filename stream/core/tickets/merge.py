"""What an event adds to the facts of its ticket, whatever order events come in.

Kept is all that can still matter whatever comes later: 8 bytes an event for its natural key, and some 50 for one that
counts. Notes, messages of bots and systems, and the customer's messages after the first never do. A ticket of 10,000
messages takes at most 0.4 MB, no ticket more than 0.9 MB: past the caps below the natural keys known longest are
forgotten, and what lies in the middle of the history; how the ticket began and where it stands stay right.
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
from stream.core.book import Book
from stream.core.tickets.facts import (
    BY_BOT,
    BY_PEOPLE,
    BY_TIMEOUT,
    HANDOFF,
    TOPIC,
    UNCHANGED,
    UNRESOLVED,
    Created,
    Place,
    Ticket,
    cut,
)

KEYS, MESSAGES, STEPS = 20_000, 10_000, 1_000
"""Natural keys, messages of a kind, and changes of status with handoffs that a ticket remembers."""
WHOLE, CUT = 256, 16
"""Of more than `WHOLE` messages the ids in their places are cut to `CUT` bytes."""


def natural_key(event: Event) -> bytes:
    """Eight bytes that tell an event within its ticket."""
    data = event.data
    if type(data) is TicketMessage:
        name = "m" + data.message_id
    else:
        name = f"e{len(event.source)}:{event.source}{event.id}"
    return blake2b(name.encode(), digest_size=8).digest()


def learn(ticket: Ticket, key: bytes) -> bool:
    """Remember the natural key of an event; False when the ticket knew it."""
    keys = ticket.keys
    if key in keys and _begins(keys, key):
        return False
    ticket.keys = keys + key if len(keys) < 8 * KEYS else keys[8:] + key
    return True


def _begins(keys: bytes, key: bytes) -> bool:
    """Whether one of the keys is that key: it may as well lie across two of them."""
    at = keys.find(key)
    while at >= 0 and at % 8:
        at = keys.find(key, at + 1)
    return at >= 0


def _log(places: list[Place], place: Place) -> None:
    if len(places) < WHOLE:
        insort(places, place)
        return
    if len(places) == WHOLE:
        places[:] = [(at, cut(name, CUT)) for at, name in places]
    at, name = place
    insort(places, (at, cut(name, CUT)))
    if len(places) > MESSAGES:
        del places[MESSAGES // 2]


def _forget_contacts(ticket: Ticket) -> None:
    if ticket.created is not None and len(ticket.contacts) > 1:
        del ticket.contacts[bisect_left(ticket.contacts, ticket.created.start) + 1 :]


def _create(book: Book, ticket: Ticket, data: TicketCreated, place: Place) -> None:
    created = Created(place, data.opened_by == "agent", data.topic or "", book.values(data))
    if ticket.created is None or created.rank < ticket.created.rank:
        ticket.created = created
        _forget_contacts(ticket)


def _message(_: Book, ticket: Ticket, data: TicketMessage, place: Place) -> None:
    if data.author == "agent" and data.public:
        _log(ticket.replies, place)
    elif data.author == "customer":
        _log(ticket.contacts, place)
        _forget_contacts(ticket)


def _step(ticket: Ticket, place: Place, kind: int) -> None:
    insort(ticket.steps, (place, kind))
    if len(ticket.steps) > STEPS:
        del ticket.steps[STEPS // 2]


_SOLVERS = {"bot": BY_BOT, "timeout": BY_TIMEOUT}


def _status(_: Book, ticket: Ticket, data: TicketStatus, place: Place) -> None:
    resolved = data.status in ("solved", "closed")
    _step(ticket, place, _SOLVERS.get(data.by or "", BY_PEOPLE) if resolved else UNRESOLVED)


def _hand_off(_: Book, ticket: Ticket, __: TicketHandoff, place: Place) -> None:
    _step(ticket, place, HANDOFF)


def _update(book: Book, ticket: Ticket, data: TicketUpdated, place: Place) -> None:
    values = zip(book.rules.dimensions, book.values(data), strict=False)
    for name, value in [*values, (TOPIC, data.topic)]:
        if value is not None and (place, value) > ticket.changes.get(name, UNCHANGED):
            ticket.changes[name] = (place, value)


def _remove(_: Book, ticket: Ticket, __: TicketMerged | TicketDeleted, ___: Place) -> None:
    ticket.gone = True


HANDLERS: dict[type, Callable[[Book, Ticket, Any, Place], None]] = {
    TicketCreated: _create,
    TicketMessage: _message,
    TicketStatus: _status,
    TicketHandoff: _hand_off,
    TicketUpdated: _update,
    TicketMerged: _remove,
    TicketDeleted: _remove,
}
"""What each type of event does to the facts of its ticket."""
