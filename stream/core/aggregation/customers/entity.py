"""Stored entities of customers, and their keys.

A customer is one entity and never expires. Orders, refunds and referrals are separate entities that make repeated
events duplicates. They expire like resolved tickets. The customer holds totals, and sums by bucket as far back as a
window reaches, so it does not grow with its history.

A life is a subscription period: from an activation to the churn that ends it.
"""

import msgspec

from stream.core.model.aggregate import Vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

CUSTOMER, ORDER, REFUND, REFERRAL = b"c", b"o", b"m", b"f"
"""Kinds of entities, the first byte of their keys."""


class Activated(msgspec.Struct, array_like=True, tag=0, gc=False, frozen=True):
    """An activation. `time` in ms, `record` is the minute of its record, `margin` in 1/10,000."""

    time: int
    id: str
    source: str
    record: int
    plan: str | None
    margin: int | None
    values: DimensionValues


class Scheduled(msgspec.Struct, array_like=True, tag=1, gc=False, frozen=True):
    """A scheduled cancellation."""

    time: int
    id: str
    source: str
    record: int


class Churned(msgspec.Struct, array_like=True, tag=2, gc=False, frozen=True):
    """A churn."""

    time: int
    id: str
    source: str
    record: int
    reason: str
    voluntary: bool


LifeEvent = Activated | Scheduled | Churned
Rollup = dict[int, Vector]
"""Vectors by minute number: see `rollup`."""
LIFECYCLE = ""
"""Key in `Customer.archived_periods` of starts and ends, in the components of cohorts."""


class Account(msgspec.Struct, array_like=True, gc=False):
    """A customer's revenue in one currency: in total and by bucket, in the components of CLV."""

    total: Vector = {}
    recent: Rollup = {}


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
    """Sorted by (time, ID): the steps, and up to `lifecycle.MAX_OTHER_EVENTS` events between them. Events before the
    retention are reduced to those that the present state needs."""
    newest_minute: int = 0
    """Minute of the newest record."""
    retention_start: int = 0
    """The minute from which on the customer contributes to panes: `newest_minute` less the retention."""
    projected_values: DimensionValues = ()
    """Values of the projected dimensions."""
    margin: int = 0
    """In 1/10,000: that of the last activation, or the configured one."""
    responder: bool = False
    ignored_churns: int = 0
    """Churns that changed nothing and are no longer among `life_events`."""
    accounts: dict[str, Account] = {}
    referrals: Rollup = {}
    purchase_days: PurchaseDays | None = None
    archived_periods: dict[str, Rollup] = {}
    """Finished lives past `lifecycle.MAX_FINISHED_PERIODS`, as counts: under `LIFECYCLE`, and churns by reason."""
    archived_until: int | None = None
    """End of the last archived life in ms, None if there is none."""


pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Customer).decode
unpack_timestamp = msgspec.msgpack.Decoder(int).decode
"""The entity of an order or refund: the timestamp of its record in ms."""


def configured_margin(config: AggregationConfig) -> int:
    """Return the configured margin in 1/10,000."""
    return round(config.margin_rate * 10_000)


def retention_start(newest_minute: int, config: AggregationConfig) -> int:
    """Return the minute from which on a customer contributes to panes."""
    return newest_minute - config.entity_retention // MINUTE


def child_key(kind: bytes, customer: str, child_id: str) -> bytes:
    """Return the key of a customer's order, refund or referral: kind, length of the customer's ID, both IDs."""
    person_key = customer.encode()
    return kind + len(person_key).to_bytes(2) + person_key + child_id.encode()


def customer_of_key(key: bytes) -> bytes:
    """Return the customer's ID in a key of any kind."""
    if key[:1] == CUSTOMER:
        return key[1:]
    return key[3 : 3 + int.from_bytes(key[1:3])]
