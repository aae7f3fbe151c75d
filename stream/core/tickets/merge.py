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
from stream.core.rules import Rules, Values
from stream.core.tickets.facts import (
    BY_BOT,
    BY_PEOPLE,
    BY_TIMEOUT,
    HANDOFF,
    TOPIC,
    UNRESOLVED,
    Created,
    Place,
    Ticket,
    ms_of,
)

KEYS, MESSAGES, STEPS = 20_000, 10_000, 1_000
"""Natural keys, messages of a kind, and changes of status with handoffs that a ticket remembers."""
WHOLE, CUT = 256, 22
"""Of more than `WHOLE` messages the places are cut to `CUT` bytes: time and 16 bytes of the id."""


def natural_key(event: Event) -> bytes:
    """Eight bytes that tell an event within its ticket."""
    data, source = event.data, event.source
    name = "m" + data.message_id if isinstance(data, TicketMessage) else f"e{len(source)}:{source}{event.id}"
    return blake2b(name.encode(), digest_size=8).digest()


def knows(ticket: Ticket, key: bytes) -> bool:
    """Whether an event of this natural key was entered."""
    at = ticket.keys.find(key)
    while at >= 0 and at % 8:
        at = ticket.keys.find(key, at + 1)
    return at >= 0


def enter(ticket: Ticket, data: Any, place: Place, key: bytes, values: Values, rules: Rules) -> None:
    """Enter an event that is not known."""
    ticket.keys = ticket.keys[-8 * (KEYS - 1) :] + key
    _HANDLERS[type(data)](ticket, data, place, values, rules)


def _log(places: list[Place], place: Place) -> None:
    if len(places) == WHOLE:
        places[:] = [known[:CUT] for known in places]
    insort(places, place if len(places) < WHOLE else place[:CUT])
    if len(places) > MESSAGES:
        del places[MESSAGES // 2]


def _forget_contacts(ticket: Ticket) -> None:
    if ticket.created is not None:
        del ticket.contacts[bisect_left(ticket.contacts, ticket.created.start) + 1 :]


def _create(ticket: Ticket, data: TicketCreated, place: Place, values: Values, _: Rules) -> None:
    created = Created(ms_of(place), place, data.opened_by == "agent", data.topic or "", values)
    if ticket.created is None or created.rank < ticket.created.rank:
        ticket.created = created
        _forget_contacts(ticket)


def _message(ticket: Ticket, data: TicketMessage, place: Place, _: Values, __: Rules) -> None:
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


def _status(ticket: Ticket, data: TicketStatus, place: Place, _: Values, __: Rules) -> None:
    resolved = data.status in ("solved", "closed")
    _step(ticket, place, _SOLVERS.get(data.by or "", BY_PEOPLE) if resolved else UNRESOLVED)


def _hand_off(ticket: Ticket, _: TicketHandoff, place: Place, __: Values, ___: Rules) -> None:
    _step(ticket, place, HANDOFF)


def _update(ticket: Ticket, data: TicketUpdated, place: Place, values: Values, rules: Rules) -> None:
    for name, value in [*zip(rules.dimensions, values, strict=False), (TOPIC, data.topic)]:
        if value is not None and (place, value) > ticket.changes.get(name, (b"", "")):
            ticket.changes[name] = (place, value)


def _remove(ticket: Ticket, _: TicketMerged | TicketDeleted, __: Place, ___: Values, ____: Rules) -> None:
    ticket.gone = True


_HANDLERS: dict[type, Callable[[Ticket, Any, Place, Values, Rules], None]] = {
    TicketCreated: _create,
    TicketMessage: _message,
    TicketStatus: _status,
    TicketHandoff: _hand_off,
    TicketUpdated: _update,
    TicketMerged: _remove,
    TicketDeleted: _remove,
}
