"""The stored ticket, with the contributions that were last derived."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from stream.core.model.aggregate import AggregateName, Vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import HOUR

TICKET = b"t"
"""Kind of entity, the first byte of its key."""
HANDOFF, UNRESOLVED, BY_PEOPLE, BY_BOT, BY_TIMEOUT = range(5)
TOPIC = ""
"""Key of the topic in `Ticket.last_changes`, beside the names of dimensions."""

_MAX_ID_BYTES = 64

EventOrder = tuple[int, str]
"""The position of an event in its ticket: time in ms, then 64 bytes of the ID. It sorts like (time, ID)."""
TicketContributions = dict[AggregateName, Vector]
"""Contributions of a ticket by aggregate. Each has all its minutes in one flat vector, as in `aggregate.Deltas`. All
carry the ticket's present dimensions."""

UNCHANGED: tuple[EventOrder, str] = ((-(1 << 63), ""), "")
"""The last change of a value that never changed. It sorts before every event."""


def event_order(at: int, event_id: str) -> EventOrder:
    """Return the order of an event at a time in ms."""
    return at, event_id if len(event_id) <= _MAX_ID_BYTES and event_id.isascii() else cut_text(
        event_id, _MAX_ID_BYTES
    )


def cut_text(text: str, size: int) -> str:
    """Return the first `size` bytes of a text. A character that is cut becomes U+FFFD, which keeps the order of texts."""
    return text[:size] if text.isascii() else text.encode()[:size].decode(errors="replace")


class Created(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The creation of a ticket."""

    order: EventOrder
    by_agent: bool
    topic: str
    values: DimensionValues

    @property
    def start(self) -> EventOrder:
        """Return the order from which on events count. A creation sorts before other events of its time."""
        return self.order[0], ""

    @property
    def rank(self) -> tuple[Any, ...]:
        """Return the sort key by which the first of several creations wins."""
        return self.order, self.by_agent, self.topic, tuple(value or "" for value in self.values)


class ContactSummary(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A ticket as other tickets of the person see it: topic, creation, and first solve if it may be a first contact (ms)."""

    topic: str
    created: int
    solved: int | None


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """One ticket, with the contributions that were last derived.

    `last_record` is the newest timestamp of its records. `steps` are changes of status and handoffs. `replies` are
    public messages of agents. `contacts` are messages of the customer: those before the creation and the first after it.
    `last_changes` holds the last change of each dimension. `forgettable`: resolved, removed or never created.
    `repeated`: another ticket was created within the week after the first solve.
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
        """Return the present topic, "" if there is none."""
        created = self.created
        order, topic = self.last_changes.get(TOPIC, UNCHANGED)
        return created.topic if created and created.topic and order < created.start else topic

    def dimensions(self, config: AggregationConfig) -> DimensionValues:
        """Return the present dimension values: the last value of each."""
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
    """Return the 17 bytes of an entity's key from a person's key and a name."""
    return kind + blake2b(b"%d:%b" % (len(person_key), person_key) + name.encode(), digest_size=16).digest()


def expires_at(last: int, config: AggregationConfig) -> int:
    """Return when an entity expires whose newest time is `last` (ms), on the hour."""
    return (last // HOUR + 1) * HOUR + config.entity_retention


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Ticket] = msgspec.msgpack.Decoder(Ticket).decode
