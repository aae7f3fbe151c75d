"""The input topics with their event types, and the partition of a key."""

from array import array
from collections.abc import Sequence
from functools import lru_cache
from struct import iter_unpack
from typing import Literal, get_args

from msgspec import Struct

from . import customers, feedback, notes, tickets
from .fields import Data

DomainName = Literal["feedback", "tickets", "customers"]
"""The domains. Each has an input topic, and a state and a panes topic of the workers."""
DOMAINS: tuple[DomainName, ...] = get_args(DomainName)


class Topic(Struct, frozen=True):
    """A topic with its default name, and the event types that belong on it."""

    name: str
    domain: str
    types: tuple[type[Data], ...]


FEEDBACK = Topic(
    "cx.feedback",
    "feedback",
    (
        feedback.FeedbackOffered,
        feedback.FeedbackSubmitted,
        feedback.FeedbackDeleted,
        notes.Note,
        notes.NoteDeleted,
        customers.CustomerErased,
    ),
)
TICKETS = Topic(
    "cx.tickets",
    "tickets",
    (
        tickets.TicketCreated,
        tickets.TicketMessage,
        tickets.TicketStatus,
        tickets.TicketHandoff,
        tickets.TicketUpdated,
        tickets.TicketMerged,
        tickets.TicketDeleted,
        tickets.InteractionHandled,
        customers.CustomerErased,
    ),
)
CUSTOMERS = Topic(
    "cx.customers",
    "customers",
    (
        customers.CustomerActivated,
        customers.CustomerUpdated,
        customers.CancelScheduled,
        customers.CancelWithdrawn,
        customers.CustomerChurned,
        customers.PurchaseCompleted,
        customers.PurchaseRefunded,
        customers.ReferralSent,
        customers.ReferralConverted,
        customers.ReferralReversed,
        customers.CustomerResponded,
        tickets.TicketSummarized,
        feedback.AnswerSummarized,
        customers.CustomerErased,
    ),
)
TOPICS: dict[str, Topic] = {topic.domain: topic for topic in (FEEDBACK, TICKETS, CUSTOMERS)}
DERIVED: frozenset[type[Data]] = frozenset(
    {customers.CustomerResponded, tickets.TicketSummarized, feedback.AnswerSummarized}
)
"""Event types that workers write, and nobody else. Their times are not judged."""
DEADLETTER = "cx.deadletter"
_SEED, _MIX = 0x9747B28C, 0x5BD1E995
"""The seed that Kafka gives MurmurHash2, and its multiplier."""


def topics_of(kind: type[Data]) -> tuple[Topic, ...]:
    """Return the topics on which an event type belongs: one, or all three for the erasure."""
    return tuple(topic for topic in TOPICS.values() if kind in topic.types)


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, count: int) -> int:
    """Return the partition of a key, out of `count`, as Kafka's Java client and aiokafka choose it."""
    return (murmur2(key) & 0x7FFFFFFF) % count


def partitions_of(keys: Sequence[bytes], count: int) -> list[int]:
    """Return the partition of each key, as `partition_of` does.

    Keys of one length are hashed together, each in a lane of 64 bits of one large integer: Python multiplies and shifts
    all lanes at once, which takes a quarter of the time of hashing them one by one.
    """
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(map(len, keys)):
        by_length.setdefault(length, []).append(i)
    if len(by_length) == 1:
        return [(value & 0x7FFFFFFF) % count for value in _murmur2_lanes(keys, len(keys[0]))]
    partitions = [0] * len(keys)
    for length, indexes in by_length.items():
        for i, value in zip(indexes, _murmur2_lanes([keys[i] for i in indexes], length), strict=True):
            partitions[i] = (value & 0x7FFFFFFF) % count
    return partitions


@lru_cache(maxsize=1_024)
def _lanes(count: int) -> int:
    """Return the integer with 1 in each of `count` lanes of 64 bits."""
    return int.from_bytes(b"\x01\0\0\0\0\0\0\0" * count, "little")


def _murmur2_lanes(keys: Sequence[bytes], length: int) -> list[int]:
    """Return `murmur2` of keys that all have this length. A lane never overflows: 32 bits times 32 bits are 64."""
    ones = _lanes(len(keys))
    mask = ones * 0xFFFFFFFF
    value = ones * (_SEED ^ length)
    words, rest = divmod(length, 4)
    padded = b"".join(keys) if not rest else b"".join([key + bytes(4 - rest) for key in keys])
    columns = words + (rest > 0)
    flat = array("I", padded)
    for column in range(columns):
        word = int.from_bytes(array("Q", flat[column::columns]).tobytes(), "little")
        if column < words:
            word = word * _MIX & mask
            word = (word ^ (word >> 24 & ones * 0xFF)) * _MIX & mask
            value = value * _MIX & mask ^ word
        else:
            value = (value ^ word) * _MIX & mask
    value = (value ^ (value >> 13 & ones * 0x7FFFF)) * _MIX & mask
    value ^= value >> 15 & ones * 0x1FFFF
    return memoryview(value.to_bytes(8 * len(keys), "little")).cast("Q").tolist()


def murmur2(data: bytes) -> int:
    """Return the unsigned 32-bit MurmurHash2 (Austin Appleby) with Kafka's seed."""
    mix, mask = _MIX, 0xFFFFFFFF
    value = _SEED ^ len(data)
    rest = len(data) & ~3
    for (word,) in iter_unpack("<I", data[:rest]):
        word = word * mix & mask  # noqa: PLW2901 - the algorithm's own k
        value = value * mix & mask ^ ((word ^ word >> 24) * mix & mask)
    if rest < len(data):
        value = (value ^ int.from_bytes(data[rest:], "little")) * mix & mask
    value = (value ^ value >> 13) * mix & mask
    return value ^ value >> 15
