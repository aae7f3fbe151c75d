"""Facts of a ticket, and the contributions last made of them."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from stream.core.rules import Rules, Values
from stream.core.tally import Vector

HANDOFF, UNRESOLVED, BY_PEOPLE, BY_BOT, BY_TIMEOUT = range(5)
TOPIC = ""
"""The name under which a change of the topic is kept beside those of dimensions."""

_BIAS = 1 << 47
_LONGEST = 6 + 64

Place = bytes
"""Where an event stands in its ticket: six bytes of time, then its id (64 bytes of it). Their order is that of
(time, id)."""


def stamp(at: int) -> Place:
    """The place of a moment in ms: before all its events."""
    return (at + _BIAS).to_bytes(6)


def place_of(at: int, event_id: str) -> Place:
    """The place of an event at a time in ms."""
    return ((at + _BIAS).to_bytes(6) + event_id.encode())[:_LONGEST]


def ms_of(place: Place) -> int:
    """The time of a place in ms."""
    return int.from_bytes(place[:6]) - _BIAS


Made = dict[tuple[str, int], Vector]
"""Contributions of a ticket by tally and minute; all of them carry the ticket's present dimensions."""


class Created(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A ticket's beginning, at a time in ms."""

    at: int
    place: Place
    by_agent: bool
    topic: str
    values: Values

    @property
    def start(self) -> Place:
        """The place from which on events count: a `created` sorts before others of the same moment."""
        return self.place[:6]

    @property
    def rank(self) -> tuple[Any, ...]:
        """What the first of several is told by."""
        return self.place, self.by_agent, self.topic, tuple(value or "" for value in self.values)


class Link(NamedTuple):
    """What other tickets of the same person see: topic, creation, first solve if it could be a first contact (ms)."""

    topic: str
    created: int
    solved: int | None


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """Facts of one ticket, and the contributions last made of them.

    `last` is the newest timestamp of its records. `steps` are changes of status and handoffs. `replies` are public
    messages of agents; `contacts` those of the customer before it was created and the first one after.
    `changes` holds the last change of each dimension. `closed`: resolved, gone or never created.
    `repeated`: another ticket came within the week after the first solve. `made` is by tally and minute.
    """

    person: bytes
    last: int = 0
    keys: bytes = b""
    created: Created | None = None
    steps: list[tuple[Place, int]] = []
    replies: list[Place] = []
    contacts: list[Place] = []
    changes: dict[str, tuple[Place, str]] = {}
    gone: bool = False
    closed: bool = True
    link: Link | None = None
    repeated: bool = False
    values: Values = ()
    made: Made = {}

    def topic(self) -> str:
        """The present topic, "" when there is none."""
        created = self.created
        place, topic = self.changes.get(TOPIC, (b"", ""))
        return created.topic if created and created.topic and place < created.start else topic

    def dimensions(self, rules: Rules) -> Values:
        """The present values: of each dimension the last one that was given."""
        values = self.created.values if self.created else ()
        if not self.changes or not self.created:
            return values
        out = [*values, *[None] * (len(rules.dimensions) - len(values))]
        for i, name in enumerate(rules.dimensions):
            place, value = self.changes.get(name, (b"", None))
            if out[i] is None or place > self.created.start:
                out[i] = value if value is not None else out[i]
        return tuple(out)


@lru_cache(maxsize=65_536)
def address(kind: bytes, person: bytes, name: str) -> bytes:
    """The key of an entity that is known by a person and a name: 17 bytes."""
    return kind + blake2b(b"%d:%b" % (len(person), person) + name.encode(), digest_size=16).digest()


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Ticket] = msgspec.msgpack.Decoder(Ticket).decode
