"""Facts of a ticket, and the contributions last made of them."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from stream.core.buckets import HOUR
from stream.core.rules import Rules, Values
from stream.core.tally import Vector

HANDOFF, UNRESOLVED, BY_PEOPLE, BY_BOT, BY_TIMEOUT = range(5)
TOPIC = ""
"""The name under which a change of the topic is kept beside those of dimensions."""

_LONGEST = 64

Place = tuple[int, str]
"""Where an event stands in its ticket: its time in ms, then its id (64 bytes of it). Their order is that of (time, id)."""
Made = dict[str, Vector]
"""Contributions of a ticket by tally, each with all its minutes in one flat vector as in `tally.Deltas`; all of them
carry the ticket's present dimensions."""

UNCHANGED: tuple[Place, str] = ((-(1 << 63), ""), "")
"""The last change of what never changed: before every event."""


def place_of(at: int, event_id: str) -> Place:
    """The place of an event at a time in ms."""
    return at, event_id if len(event_id) <= _LONGEST and event_id.isascii() else cut(event_id, _LONGEST)


def cut(text: str, size: int) -> str:
    """The first `size` bytes of a text, in the order of texts: of a character in two, that there is one."""
    return text[:size] if text.isascii() else text.encode()[:size].decode(errors="replace")


class Created(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A ticket's beginning."""

    place: Place
    by_agent: bool
    topic: str
    values: Values

    @property
    def start(self) -> Place:
        """The place from which on events count: a `created` sorts before others of the same moment."""
        return self.place[0], ""

    @property
    def rank(self) -> tuple[Any, ...]:
        """What the first of several is told by."""
        return self.place, self.by_agent, self.topic, tuple(value or "" for value in self.values)


class Link(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What other tickets of the same person see: topic, creation, first solve if it could be a first contact (ms)."""

    topic: str
    created: int
    solved: int | None


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """Facts of one ticket, and the contributions last made of them.

    `last` is the newest timestamp of its records. `steps` are changes of status and handoffs. `replies` are public
    messages of agents; `contacts` those of the customer before it was created and the first one after.
    `changes` holds the last change of each dimension. `closed`: resolved, gone or never created.
    `repeated`: another ticket came within the week after the first solve.
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
        place, topic = self.changes.get(TOPIC, UNCHANGED)
        return created.topic if created and created.topic and place < created.start else topic

    def dimensions(self, rules: Rules) -> Values:
        """The present values: of each dimension the last one that was given."""
        values = self.created.values if self.created else ()
        if not self.changes or not self.created:
            return values
        out = [*values, *[None] * (len(rules.dimensions) - len(values))]
        for i, name in enumerate(rules.dimensions):
            place, value = self.changes.get(name, UNCHANGED)
            if value and (out[i] is None or place > self.created.start):
                out[i] = value
        return tuple(out)


@lru_cache(maxsize=2_048)
def address(kind: bytes, person: bytes, name: str) -> bytes:
    """The key of an entity that is known by a person and a name: 17 bytes."""
    return kind + blake2b(b"%d:%b" % (len(person), person) + name.encode(), digest_size=16).digest()


def kept(last: int, rules: Rules) -> int:
    """When what was last seen at a moment is forgotten, on the hour."""
    return (last // HOUR + 1) * HOUR + rules.memory


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Ticket] = msgspec.msgpack.Decoder(Ticket).decode
