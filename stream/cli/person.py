"""`cxgauge explain --customer`: what is kept of one person, from the compacted topics themselves."""

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest

import msgspec
from aiokafka import TopicPartition

from schemas.times import from_ms
from schemas.topics import CUSTOMERS, partition_of
from stream.config import Settings, client_options
from stream.core.buckets import MINUTE
from stream.core.customers.facts import CUSTOMER, LIVES, unpack
from stream.core.customers.lives import walk
from stream.core.customers.summary import summary
from stream.core.domains import DOMAINS
from stream.core.erasure import ERASURE, REMAINDER, fingerprint, time_of
from stream.core.metrics.cohorts import STARTS
from stream.core.money import BASIS, major
from stream.core.rules import Rules
from stream.core.unreadable import ORDER
from stream.errors import Refused
from stream.topic_admin import describe
from stream.topology import refusals, topics
from stream.worker.loader import consumer_of_state

Kept = dict[bytes, bytes]
"""Entities by key."""


async def kept(settings: Settings, customer: str) -> dict[str, Kept]:
    """What is kept of a person in each domain, and of an erased one the hash. Raises aiokafka's KafkaError, and Refused.

    The partition of the person's key is read from its beginning, as far as it is committed now.
    """
    person = customer.encode()
    number = partition_of(person, settings.topics.partitions)
    specs = topics(settings)
    if wrong := refusals(specs, await describe(settings, specs)):
        raise Refused("topics are not as configured (cxgauge topics check):\n" + "\n".join(wrong))
    consumer = consumer_of_state(client_options(settings.kafka))
    try:
        await consumer.start()
        found: dict[str, Kept] = {}
        for domain in DOMAINS:
            tp = TopicPartition(settings.topics.state(domain.name), number)
            consumer.assign([tp])
            consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
            end, mine = (await consumer.end_offsets([tp]))[tp], found.setdefault(domain.name, {})
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, ()):
                    key, raw = record.key, record.value
                    if key.startswith(ORDER):
                        continue
                    if raw is not None and (person in key or person in raw or key == fingerprint(person)):
                        mine[key] = raw
                    else:
                        mine.pop(key, None)
            spine = {key: mine.pop(key) for key in list(mine) if key[:1] in (ERASURE, REMAINDER)}
            found[domain.name] = {
                **{key: raw for key, raw in mine.items() if domain.person(key, raw) == person},
                **{key: raw for key, raw in spine.items() if key == fingerprint(person)},
            }
        return found
    finally:
        await consumer.stop()


def told(customer: str, found: dict[str, Kept], rules: Rules, at: int) -> Iterator[str]:
    """All of it for people to read, as observed at `at` ms."""
    person = customer.encode()
    customers = found[CUSTOMERS.domain]
    raw = customers.get(CUSTOMER + person)
    yield from _customer(raw, at) if raw is not None else ["no customer of this id is kept"]
    for name, entities in found.items():
        if (erased := entities.get(fingerprint(person))) is not None:
            yield f"erased in {name}: everything up to {_day(time_of(erased))}"
    yield ""
    for domain in DOMAINS:
        kinds = Counter(key[:1].decode() for key in found[domain.name] if key[:1] != ERASURE)
        records = ", ".join(f"{n:,} {_KINDS[domain.name][kind]}" for kind, n in sorted(kinds.items()))
        yield f"records in {domain.name}: {records or 'nothing'}"
    lines = [
        f"  {tally} {_show(values)} {_show(extra)} {_minute(minute)}: {_show(vector)}"
        for domain in DOMAINS
        for key, entity in sorted(found[domain.name].items())
        if key[:1] != ERASURE
        for tally, values, extra, minute, vector in domain.made(key, entity, rules)
    ]
    if lines:
        yield from ["", "contributes (tally, dimensions, own labels, minute: components)", *lines]


_KINDS = {
    "feedback": {"a": "of answers", "c": "of having answered"},
    "tickets": {"t": "of tickets", "f": "of neighbouring tickets", "i": "of interactions"},
    "customers": {"c": "of the customer", "o": "of orders", "m": "of refunds", "f": "of referrals"},
}


def _customer(raw: bytes, at: int) -> Iterator[str]:
    seen, facts = summary(raw, at), unpack(raw)
    since = "" if seen.since is None else f" since {_day(seen.since)}"
    yield f"active{since}" if seen.active else "not active"
    yield f"plan: {seen.plan or 'none'}; margin: {seen.margin / BASIS:g}; leaving announced: {_yes(seen.cancel_scheduled)}"
    yield f"answers surveys: {_yes(seen.responder)}"
    for currency, net in sorted(seen.net.items()):
        yield f"net revenue: {major(net, currency):,} {currency}"
    days = f"frequency: {seen.frequency}; recency: {seen.recency_days} d; T: {seen.age_days} d"
    yield f"{days} at {_day(at)}"
    lives = walk(facts.log)
    for start, end in zip_longest(lives.starts, lives.ends):
        until = f"{_day(end.time)}, {end.reason}, {'' if end.voluntary else 'in'}voluntary" if end else "now"
        yield f"life: {_day(start.time)} to {until}"
    if former := sum(vector.get(STARTS, 0) for vector in facts.former.get(LIVES, {}).values()):
        yield f"lives before, as numbers: {former}"
    if ignored := facts.ignored + lives.ignored:
        yield f"churns that changed nothing: {ignored}"


def _day(ms: int) -> str:
    return f"{from_ms(ms):%Y-%m-%d %H:%M:%S}Z"


def _minute(minute: int) -> str:
    return f"{from_ms(minute * MINUTE):%Y-%m-%d %H:%M}Z" if minute else "now"


def _yes(yes: bool) -> str:
    return "yes" if yes else "no"


def _show(found: object) -> str:
    return msgspec.json.encode(found).decode()
