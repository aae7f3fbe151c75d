"""Facts of a ticket, and the contributions last made of them."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from stream.core.model.aggregate import Vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import HOUR

TICKET = b"t"
"""Kind of entity, the first byte of its key."""
HANDOFF, UNRESOLVED, BY_PEOPLE, BY_BOT, BY_TIMEOUT = range(5)
TOPIC = ""
"""The name under which a change of the topic is kept beside those of dimensions."""

_MAX_ID_BYTES = 64

EventOrder = tuple[int, str]
"""Where an event stands in its ticket: its time in ms, then its id (64 bytes of it). Their order is that of (time, id)."""
TicketContributions = dict[str, Vector]
"""Contributions of a ticket by tally, each with all its minutes in one flat vector as in `tally.Deltas`; all of them
carry the ticket's present dimensions."""

UNCHANGED: tuple[EventOrder, str] = ((-(1 << 63), ""), "")
"""The last change of what never changed: before every event."""


def event_order(at: int, event_id: str) -> EventOrder:
    """The place of an event at a time in ms."""
    return at, event_id if len(event_id) <= _MAX_ID_BYTES and event_id.isascii() else cut_text(
        event_id, _MAX_ID_BYTES
    )


def cut_text(text: str, size: int) -> str:
    """The first `size` bytes of a text, in the order of texts: of a character in two, that there is one."""
    return text[:size] if text.isascii() else text.encode()[:size].decode(errors="replace")


class Created(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A ticket's beginning."""

    order: EventOrder
    by_agent: bool
    topic: str
    values: DimensionValues

    @property
    def start(self) -> EventOrder:
        """The place from which on events count: a `created` sorts before others of the same moment."""
        return self.order[0], ""

    @property
    def rank(self) -> tuple[Any, ...]:
        """What the first of several is told by."""
        return self.order, self.by_agent, self.topic, tuple(value or "" for value in self.values)


class ContactSummary(msgspec.Struct, array_like=True, gc=False, frozen=True):
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

    person_key: bytes
    last_record: int = 0
    dedup_keys: bytes = b""
    created: Created | None = None
    steps: list[tuple[EventOrder, int]] = []
    replies: list[EventOrder] = []
    contacts: list[EventOrder] = []
    last_changes: dict[str, tuple[EventOrder, str]] = {}
    removed: bool = False
    forgettable: bool = True
    contact: ContactSummary | None = None
    repeated: bool = False
    values: DimensionValues = ()
    contributions: TicketContributions = {}

    def topic(self) -> str:
        """The present topic, "" when there is none."""
        created = self.created
        order, topic = self.last_changes.get(TOPIC, UNCHANGED)
        return created.topic if created and created.topic and order < created.start else topic

    def dimensions(self, config: AggregationConfig) -> DimensionValues:
        """The present values: of each dimension the last one that was given."""
        values = self.created.values if self.created else ()
        if not self.last_changes or not self.created:
            return values
        out = [*values, *[None] * (len(config.dimensions) - len(values))]
        for i, name in enumerate(config.dimensions):
            order, value = self.last_changes.get(name, UNCHANGED)
            if value and (out[i] is None or order > self.created.start):
                out[i] = value
        return tuple(out)


@lru_cache(maxsize=2_048)
def hashed_key(kind: bytes, person_key: bytes, name: str) -> bytes:
    """The key of an entity that is known by a person and a name: 17 bytes."""
    return kind + blake2b(b"%d:%b" % (len(person_key), person_key) + name.encode(), digest_size=16).digest()


def expires_at(last: int, config: AggregationConfig) -> int:
    """When what was last seen at a moment is forgotten, on the hour."""
    return (last // HOUR + 1) * HOUR + config.entity_retention


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Ticket] = msgspec.msgpack.Decoder(Ticket).decode
