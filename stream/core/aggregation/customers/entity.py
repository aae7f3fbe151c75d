"""What is kept of a customer: life events, money, referrals; and what follows for the keys of the entities.

A customer is one entity, for ever; its orders, refunds and referrals are entities of their own, which only say that
they are known, and are forgotten like closed tickets. The customer holds what figures need: totals, and what
happened in each bucket that a window can still reach. So it does not grow with its history.
"""

import msgspec

from stream.core.model.aggregate import Vector
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

CUSTOMER, ORDER, REFUND, REFERRAL = b"c", b"o", b"m", b"f"
"""Kinds of entities, the first byte of their keys."""


class Activated(msgspec.Struct, array_like=True, tag=0, gc=False, frozen=True):
    """An activation. `time` in ms, `record` the minute of its record, `margin` in 1/10,000."""

    time: int
    id: str
    source: str
    record: int
    plan: str | None
    margin: int | None
    values: DimensionValues


class Scheduled(msgspec.Struct, array_like=True, tag=1, gc=False, frozen=True):
    """A notice of leaving."""

    time: int
    id: str
    source: str
    record: int


class Churned(msgspec.Struct, array_like=True, tag=2, gc=False, frozen=True):
    """A leave."""

    time: int
    id: str
    source: str
    record: int
    reason: str
    voluntary: bool


LifeEvent = Activated | Scheduled | Churned
Rollup = dict[int, Vector]
"""What happened, by minute number: see `ledger`."""
LIFECYCLE = ""
"""In `Customer.former`: starts and ends, in the components of `metrics.cohorts`."""


class Account(msgspec.Struct, array_like=True, gc=False):
    """A customer's money in one currency: of all time and by bucket, in the components of `metrics.clv`."""

    total: Vector = {}
    recent: Rollup = {}


class PurchaseDays(msgspec.Struct, array_like=True, gc=False):
    """On which days (UTC, since the epoch) a customer bought: first, last, how many.

    Bit i of `latest` is the day `last - i`: purchases of the last 64 of these days may come in any order; one before
    them counts as of a day of its own.
    """

    first: int
    last: int
    count: int = 1
    latest: int = 1


class Customer(msgspec.Struct, array_like=True, gc=False):
    """Facts of one customer, and in `shown` and `margin` how they were last contributed.

    Contributions follow from these alone, whatever rules are in force: what is to be taken back is what was given.
    """

    life_events: list[LifeEvent] = []
    """Sorted by (time, id): the steps, and a few events between them (see `lives.MOST`); what is older than the memory
    is reduced to what the present state needs."""
    newest_minute: int = 0
    """Minute of the newest record."""
    retention_start: int = 0
    """The minute from which on anything is contributed to panes: `seen` less the memory."""
    projected_values: DimensionValues = ()
    """Values of the dimensions that views show."""
    margin: int = 0
    """In 1/10,000: the customer's own, else the configured."""
    responder: bool = False
    ignored_churns: int = 0
    """Churns that changed nothing and are no longer in the log."""
    accounts: dict[str, Account] = {}
    referrals: Rollup = {}
    purchase_days: PurchaseDays | None = None
    archived_periods: dict[str, Rollup] = {}
    """Finished lives past `lives.FINISHED`, as numbers: under `LIVES`, and churns by reason."""
    archived_until: int | None = None
    """When the last of these ended, in ms; None: there is none."""


pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Customer).decode
unpack_timestamp = msgspec.msgpack.Decoder(int).decode
"""The entity of an order or refund: the timestamp of its record in ms."""


def configured_margin(config: AggregationConfig) -> int:
    """The configured margin, in 1/10,000."""
    return round(config.margin_rate * 10_000)


def retention_start(newest_minute: int, config: AggregationConfig) -> int:
    """Return the minute from which on a customer contributes to panes."""
    return newest_minute - config.entity_retention // MINUTE


def child_key(kind: bytes, customer: str, natural: str) -> bytes:
    """Key of a customer's order, refund or referral: kind, length of the customer's id, both ids."""
    person_key = customer.encode()
    return kind + len(person_key).to_bytes(2) + person_key + natural.encode()


def customer_of_key(key: bytes) -> bytes:
    """The customer that a key of whatever kind belongs to."""
    if key[:1] == CUSTOMER:
        return key[1:]
    return key[3 : 3 + int.from_bytes(key[1:3])]
