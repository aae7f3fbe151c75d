"""The input topics with their event types, and the partition of a key."""

from functools import lru_cache
from struct import iter_unpack
from typing import Literal, get_args

from msgspec import Struct

from . import customers, feedback, tickets
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
        customers.CancelScheduled,
        customers.CustomerChurned,
        customers.PurchaseCompleted,
        customers.PurchaseRefunded,
        customers.ReferralSent,
        customers.ReferralConverted,
        customers.ReferralReversed,
        customers.CustomerResponded,
        customers.CustomerErased,
    ),
)
TOPICS: dict[str, Topic] = {topic.domain: topic for topic in (FEEDBACK, TICKETS, CUSTOMERS)}
DEADLETTER = "cx.deadletter"


def topics_of(kind: type[Data]) -> tuple[Topic, ...]:
    """Return the topics on which an event type belongs: one, or all three for the erasure."""
    return tuple(topic for topic in TOPICS.values() if kind in topic.types)


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, count: int) -> int:
    """Return the partition of a key, out of `count`, as Kafka's Java client and aiokafka choose it."""
    return (murmur2(key) & 0x7FFFFFFF) % count


def murmur2(data: bytes) -> int:
    """Return the unsigned 32-bit MurmurHash2 (Austin Appleby) with Kafka's seed."""
    mix, mask = 0x5BD1E995, 0xFFFFFFFF
    value = 0x9747B28C ^ len(data)
    rest = len(data) & ~3
    for (word,) in iter_unpack("<I", data[:rest]):
        word = word * mix & mask  # noqa: PLW2901 - the algorithm's own k
        value = value * mix & mask ^ ((word ^ word >> 24) * mix & mask)
    if rest < len(data):
        value = (value ^ int.from_bytes(data[rest:], "little")) * mix & mask
    value = (value ^ value >> 13) * mix & mask
    return value ^ value >> 15
