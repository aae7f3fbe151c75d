"""Stored entities of customers, and their keys.

A customer is one entity and never expires. Orders, refunds and referrals are separate entities that make repeated
events duplicates. They expire like resolved tickets. The customer holds totals, and sums by bucket as far back as a
window reaches, so it does not grow with its history. Summaries of tickets are entities of their own, too: see
`ticket_summary`.

A life is a subscription period: from an activation to the churn that ends it.
"""

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from stream.core.aggregation.customers.answers import KnownAnswer
from stream.core.model.aggregate import Vector
from stream.core.model.aggregation_config import NAMED_DIMENSIONS, AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

_hasher = blake2b(digest_size=16)
"""Copied for each hash, which takes half the time of a new one."""
CUSTOMER, ORDER, REFUND, REFERRAL, WITHDRAWN_ANSWER = b"c", b"o", b"m", b"f", b"w"
"""Kinds of entities, the first byte of their keys."""
PLAN = NAMED_DIMENSIONS.index("plan")
"""Position of the plan among dimension values."""


class Activated(msgspec.Struct, array_like=True, tag=0, gc=False, frozen=True):
    """An activation.

    `time` in ms. `judged` is the minute of the watermark at its record. `margin` in 1/10,000. `content` is a hash of the
    fields, by which a redelivery is recognised.
    """

    time: int
    id: str
    judged: int
    margin: int | None
    values: DimensionValues
    content: bytes


class Churned(msgspec.Struct, array_like=True, tag=1, gc=False, frozen=True):
    """A churn."""

    time: int
    id: str
    judged: int
    reason: str
    voluntary: bool


class Scheduled(msgspec.Struct, array_like=True, tag=2, gc=False, frozen=True):
    """A notice: a scheduled cancellation."""

    time: int
    id: str
    judged: int


class Withdrawn(msgspec.Struct, array_like=True, tag=3, gc=False, frozen=True):
    """The withdrawal of a notice."""

    time: int
    id: str
    judged: int


class Updated(msgspec.Struct, array_like=True, tag=4, gc=False, frozen=True):
    """A change of margin and dimension values. None: not changed. `content` as of an activation."""

    time: int
    id: str
    judged: int
    margin: int | None
    values: DimensionValues
    content: bytes


LifeEvent = Activated | Churned | Scheduled | Withdrawn | Updated
Rollup = dict[int, Vector]
"""Vectors by minute number: see `rollup`."""
LIFECYCLE = ""
"""Key in `Customer.archived_periods` of starts and ends, in the components of cohorts."""


class Account(msgspec.Struct, array_like=True, gc=False):
    """A customer's revenue in one currency: in total, and as far back as panes reach.

    `purchases` are purchases and refunds (net, in minor units) with their times in ms, in order. Older ones than the
    newest `orders.MAX_PURCHASES` are `archived` by bucket and by the classes then, a bit for each code.
    """

    total: Vector = {}
    purchases: list[tuple[int, int]] = []
    archived: dict[int, Rollup] = {}


class PurchaseDays(msgspec.Struct, array_like=True, gc=False):
    """The days (UTC, since the epoch) on which a customer bought: first, last, count.

    Bit i of `latest` is the day `last - i`. Purchases of these 64 days may arrive in any order. An older purchase counts
    as a new day.
    """

    first: int
    last: int
    count: int = 1
    latest: int = 1


class Customer(msgspec.Struct, array_like=True, gc=False):
    """One customer, with the attributes that its contributions carry.

    Contributions follow from the entity alone, not from the config. So exactly those that were added can be retracted.
    """

    life_events: list[LifeEvent] = []
    """In the order of `lifecycle.event_order`: the steps, the events that decide the present state, and up to
    `lifecycle.MAX_OTHER_EVENTS` others. Events before the retention are reduced to those that decide."""
    newest_minute: int = 0
    """Minute of the partition's watermark when the customer last changed."""
    retention_start: int = 0
    """The minute from which on the customer contributes to panes: `newest_minute` less the retention."""
    projected_values: DimensionValues = ()
    """Values of the projected dimensions."""
    margin: int = 0
    """In 1/10,000: the present one, or the configured one."""
    responder: bool = False
    ignored_churns: Rollup = {}
    """Churns that ended no life and are no longer among `life_events`."""
    accounts: dict[str, Account] = {}
    referrals: Rollup = {}
    purchase_days: PurchaseDays | None = None
    archived_periods: dict[str, Rollup] = {}
    """Finished lives past `lifecycle.MAX_FINISHED_PERIODS`, as counts: under `LIFECYCLE`, and churns by reason."""
    archived_until: int | None = None
    """End of the last archived life in ms, None if there is none."""
    archived_facts: dict[str, Rollup] = {}
    """What archived lives add to classes and exit reasons, by `life_facts.archive_key`."""
    answers: list[KnownAnswer] = []
    """The newest answers that count, in order, at most `answers.MAX_ANSWERS`."""
    final_answers: list[KnownAnswer] = []
    """Older ones, in order, as far as panes depend on them."""


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Customer] = msgspec.msgpack.Decoder(Customer).decode
unpack_watermark: Callable[[bytes], int] = msgspec.msgpack.Decoder(int).decode
"""The entity of an order or refund: the watermark at its record in ms."""


def configured_margin(config: AggregationConfig) -> int:
    """Return the configured margin in 1/10,000."""
    return round(config.margin_rate * 10_000)


def retention_start(newest_minute: int, config: AggregationConfig) -> int:
    """Return the minute from which on a customer contributes to panes."""
    return newest_minute - config.customer_retention // MINUTE


def child_key(kind: bytes, customer: str, child_id: str) -> bytes:
    """Return the key of a customer's order, refund or referral: kind, length of the customer's ID, both IDs."""
    return key_prefix(kind, customer) + child_id.encode()


def hashed_child_key(kind: bytes, customer: str, name: str) -> bytes:
    """Return a key as `child_key` does, with the 16 bytes of `digest` in place of the second ID."""
    return key_prefix(kind, customer) + digest(name)


def key_prefix(kind: bytes, customer: str) -> bytes:
    """Return the beginning of the keys of a customer's entities of a kind."""
    person = customer.encode()
    return kind + len(person).to_bytes(2) + person


def digest(name: str) -> bytes:
    """Return 16 bytes that stand for a ticket's ID or a topic."""
    hasher = _hasher.copy()
    hasher.update(name.encode())
    return hasher.digest()


def customer_of_key(key: bytes) -> bytes:
    """Return the customer's ID in a key of any kind."""
    if key[:1] == CUSTOMER:
        return key[1:]
    return key[3 : 3 + int.from_bytes(key[1:3])]
