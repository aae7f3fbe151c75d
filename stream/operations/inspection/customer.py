"""The stored entities of a customer, read from the state topics, and their contributions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.times import from_ms
from schemas.topics import CUSTOMERS, partition_of
from stream.config import Settings
from stream.core.aggregation.customers.answers import NAMES, SURVEYS, class_histories
from stream.core.aggregation.customers.entity import CUSTOMER, LIFECYCLE, unpack
from stream.core.aggregation.customers.lifecycle import replay
from stream.core.aggregation.customers.summary import summarize
from stream.core.aggregation.entity_kind import EntityKinds
from stream.core.aggregation.erasure import engine_kinds, erased_until, fingerprint
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.aggregate import AggregateName, Vector
from stream.core.model.aggregates import AGGREGATES
from stream.core.model.aggregates.customers import ChurnIgnoredLayout, PeriodsLayout
from stream.core.model.aggregates.joined import CLASSES, NO_CLASS
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.money import BASIS, major
from stream.core.model.time_buckets import MINUTE
from stream.core.model.unreadable import ORDER
from stream.kafka.client import running
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.operations.inspection.snapshot import check_stored

Entities = dict[bytes, bytes]
"""Entities by key."""


async def read_entities(settings: Settings, customer: str) -> dict[str, Entities]:
    """Return the entities of a customer by domain, with the erasure if the customer was erased.

    Answers and tickets are on any partition, the customer on one. Each is read up to its last stable offset. Raises
    aiokafka's KafkaError and PreconditionFailed.
    """
    person, count = customer.encode(), settings.topics.partitions
    await check_stored(settings)
    async with running(committed_consumer(settings.kafka)) as consumer:
        entities: dict[str, Entities] = {}
        for domain in DOMAIN_REGISTRY:
            numbers = [partition_of(person, count)] if domain.topic is CUSTOMERS else range(count)
            partitions = [TopicPartition(settings.topics.state(domain.name), number) for number in numbers]
            kinds = EntityKinds((*domain.kinds, *engine_kinds(AGGREGATES)))
            entities[domain.name] = await _read_partitions(consumer, partitions, kinds, person)
        return entities


async def _read_partitions(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], kinds: EntityKinds, person: bytes
) -> Entities:
    """Return the entities of a person, and the erasure. No others are in memory, however short the ID is."""
    owned: dict[TopicPartition, Entities] = {partition: {} for partition in partitions}
    erasure = fingerprint(person)
    async for tp, records in read_ranges(consumer, await assign(consumer, partitions)):
        for record in records:
            key, raw = record.key, record.value
            if raw is not None and (key == erasure or _is_owned(key, raw, kinds, person)):
                owned[tp][key] = raw
            else:
                owned[tp].pop(key, None)
    return {key: raw for of_partition in owned.values() for key, raw in of_partition.items()}


def _is_owned(key: bytes, raw: bytes, kinds: EntityKinds, person: bytes) -> bool:
    """Return whether an entity is of a person. Most are not, and are not decoded, because they do not contain the ID."""
    return (
        (person in key or person in raw)
        and not key.startswith(ORDER)
        and kinds.of(key).person(key, raw) == person
    )


def format_customer(
    customer: str, entities_by_domain: dict[str, Entities], config: AggregationConfig, at: int
) -> Iterator[str]:
    """Yield lines about the customer, the stored records and their contributions, as of `at` ms."""
    person = customer.encode()
    customers = entities_by_domain[CUSTOMERS.domain]
    raw = customers.get(CUSTOMER + person)
    yield from _customer(raw, at) if raw is not None else ["no stored customer with this ID"]
    for name, entities in entities_by_domain.items():
        if (erasure := entities.get(fingerprint(person))) is not None:
            yield f"erased in {name}: everything up to {_day(erased_until(erasure))}"
    yield ""
    for domain in DOMAIN_REGISTRY:
        prefixes = Counter(key[:1] for key in entities_by_domain[domain.name])
        records = ", ".join(
            f"{kind.name} ({prefixes[kind.prefix]:,})" for kind in domain.kinds if prefixes[kind.prefix]
        )
        yield f"records in {domain.name}: {records or 'none'}"
    dimensions = [config.dimensions[index] for index in config.projected_dimensions]
    lines = [
        f"  {aggregate} {_labels(dimensions, values)} {_show(extra)} {_minute(minute)}: {_vector(aggregate, vector)}"
        for domain in DOMAIN_REGISTRY
        for key, entity in sorted(entities_by_domain[domain.name].items())
        for kind in domain.kinds
        if key.startswith(kind.prefix)
        for aggregate, values, extra, minute, vector in kind.contributions(key, entity, config)
    ]
    if lines:
        yield from ["", "contributions (aggregate, dimensions, own labels, minute: components)", *lines]


def _customer(raw: bytes, at: int) -> Iterator[str]:
    customer, entity = summarize(raw, at), unpack(raw)
    since = "" if customer.since is None else f" since {_day(customer.since)}"
    yield f"active{since}" if customer.active else "not active"
    cancellation = f"cancellation scheduled: {_yes_no(customer.cancel_scheduled)}"
    yield f"plan: {customer.plan or 'none'}; margin: {customer.margin / BASIS:g}; {cancellation}"
    yield f"answers surveys: {_yes_no(customer.responder)}"
    if entity.answers or entity.final_answers:
        classes = dict.fromkeys(CLASSES, NO_CLASS)
        for history in class_histories(entity.final_answers, entity.answers):
            if (code := history.present) is not None:
                classes[SURVEYS[code]] = NAMES[code]
        listed = ", ".join(f"{survey} {name}" for survey, name in classes.items())
        yield f"class: {listed}; {len(entity.answers)} answers known, {len(entity.final_answers)} final"
    for currency, net in sorted(customer.net.items()):
        yield f"net revenue: {major(net, currency):,} {currency}"
    days = f"frequency: {customer.frequency}; recency: {customer.recency_days} d; T: {customer.age_days} d"
    yield f"{days} at {_day(at)}"
    lifecycle = replay(entity.life_events)
    for start, end in zip_longest(lifecycle.starts, lifecycle.ends):
        until = f"{_day(end.time)}, {end.reason}, {'' if end.voluntary else 'in'}voluntary" if end else "now"
        yield f"life: {_day(start.time)} to {until}"
    if archived := sum(
        vector.get(PeriodsLayout.STARTS, 0) for vector in entity.archived_periods.get(LIFECYCLE, {}).values()
    ):
        yield f"archived lives: {archived}"
    archived_churns = sum(vector[ChurnIgnoredLayout.CHURNS] for vector in entity.ignored_churns.values())
    if ignored := archived_churns + len(lifecycle.ignored_churns):
        yield f"ignored churns: {ignored}"


def _day(ms: int) -> str:
    return f"{from_ms(ms):%Y-%m-%d %H:%M:%S}Z"


def _minute(minute: int) -> str:
    return f"{from_ms(minute * MINUTE):%Y-%m-%d %H:%M}Z" if minute else "now"


def _yes_no(yes: bool) -> str:
    return "yes" if yes else "no"


def _labels(dimensions: list[str], values: Iterable[str | None]) -> str:
    """Return the dimension values that are present, by name."""
    return _show({name: value for name, value in zip(dimensions, values, strict=True) if value is not None})


def _vector(aggregate: AggregateName, vector: Vector) -> str:
    """Return a vector with the names of its components. Those of a histogram after its count are numbered."""
    names = sorted((first, name.lower()) for name, first in AGGREGATES[aggregate].layout.components().items())
    parts = {}
    for component, n in sorted(vector.items()):
        first, name = max(
            (each for each in names if each[0] <= component), default=(component, f"{component}")
        )
        parts[f"{name}+{component - first}" if component > first else name] = n
    return _show(parts)


def _show(value: object) -> str:
    return msgspec.json.encode(value).decode()
