"""The stored ticket: the content of its events, as far as a later event can make it matter."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import msgspec

from stream.core.model.aggregation_config import AggregationConfig, DimensionValues

TICKET = b"t"
"""Kind of entity, the first byte of its key."""


class Rank(IntEnum):
    """The order of events at one moment, by their kind."""

    CREATED = 0
    UPDATED = 1
    CUSTOMER_MESSAGE = 2
    OTHER_MESSAGE = 3
    HANDOFF = 4
    CONTACT = 5
    OPEN = 6
    PENDING = 7
    ON_HOLD = 8
    SOLVED = 9
    CLOSED = 10
    MERGED = 11
    DELETED = 12


class Solver(IntEnum):
    """Who solved a ticket: people are agents, customers, and whoever is not named."""

    PEOPLE = 0
    BOT = 1
    TIMEOUT = 2


Step = tuple[int, int]
"""A handoff or a change of status: time in ms, and `Rank` times `STEP_UNIT` plus `Solver`."""
STEP_UNIT = 4


class Naming(NamedTuple):
    """The event that names the customer: time in ms, rank, ID. The last one in this order counts."""

    time: int
    rank: int
    id: str
    customer: str


class Update(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """Changed dimension values (None: not changed), and the changed topic."""

    time: int
    id: str
    values: DimensionValues
    topic: str | None

    @property
    def order(self) -> tuple[object, ...]:
        """Return the order among the updates of a ticket, by content if two sources use the same ID."""
        return self.time, self.id, self.topic or "", tuple(v or "" for v in self.values)


class Created(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The creation of a ticket. `time` in ms."""

    time: int
    id: str
    opened_by: str
    topic: str | None
    values: DimensionValues

    @property
    def order(self) -> tuple[object, ...]:
        """Return the order by which the first of several creations counts, in whatever order they are read."""
        return self.time, self.id, self.opened_by, self.topic or "", tuple(v or "" for v in self.values)


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """One ticket. Its contributions follow from it and the config, and are not stored.

    Attributes:
        last_record: the partition's newest record timestamp when the ticket's last record was processed, in ms
        dedup_keys: 8 bytes for each natural key of its events
        customer_messages: times of the customer's public messages, ascending, in ms
        agent_messages: times of the agents' public messages, ascending, in ms
        steps: handoffs and changes of status, ascending
        contacts: handled interactions by a hash of their ID, from the start to the end of wrap-up, in ms
        updates: ascending
        removed: merged or deleted
        forgettable: resolved, removed or never created
        summary: a hash of the last summary, empty if there was none
        summarized_to: the customer of the last summary
    """

    last_record: int = 0
    dedup_keys: bytes = b""
    created: Created | None = None
    naming: Naming | None = None
    customer_messages: list[int] = []
    agent_messages: list[int] = []
    steps: list[Step] = []
    contacts: dict[str, tuple[int, int]] = {}
    updates: list[Update] = []
    removed: bool = False
    forgettable: bool = True
    summary: bytes = b""
    summarized_to: str | None = None

    @property
    def customer(self) -> str | None:
        """The present customer, None if no event names one."""
        return None if self.naming is None else self.naming.customer

    @property
    def is_orphan(self) -> bool:
        """Whether events are known, but no creation."""
        return self.created is None and not self.removed


def expires_at(last_record: int, config: AggregationConfig) -> int:
    """Return the watermark in ms from which on a forgettable ticket is forgotten."""
    return last_record + config.entity_retention


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Ticket] = msgspec.msgpack.Decoder(Ticket).decode


class _Naming(msgspec.Struct, array_like=True, gc=False):
    """The first fields of `Ticket`, which are decoded to find its customer."""

    last_record: msgspec.Raw
    dedup_keys: msgspec.Raw
    created: msgspec.Raw
    naming: Naming | None


_decode_naming = msgspec.msgpack.Decoder(_Naming).decode


def person(raw: bytes) -> bytes | None:
    """Return the ID of the present customer of a packed ticket, None if no event names one."""
    naming = _decode_naming(raw).naming
    return None if naming is None else naming.customer.encode()
