"""Estimates of memory and disk for a rate of events, measured on a sample in the core itself."""

import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from schemas.codec import encode, make
from schemas.customers import PurchaseCompleted
from schemas.feedback import FeedbackSubmitted
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus
from schemas.topics import partition_of
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.config.settings import Topics
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.outgoing import Header
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import DAY

SAMPLE = 1_000
"""Number of measured entities of each kind."""
WARM_UP = 100
NOW = 1_800_000_000_000
RESTORED = 50_000
"""Records per second that a worker is assumed to restore, in memory or into an empty database (`tests.bench.live`)."""
MB = 1_000_000
GB = 1_000_000_000
DATABASE = 1.5
"""Bytes of a database for each byte of the state topic, measured by `make bench-state`."""
REWRITE = 2
"""Most bytes of a database or a compacted topic, while it is rewritten, for each byte of it."""
MEMORY_ON_DISK = 400 * MB
"""Memory of a worker with twelve partitions and ten million entities on disk, measured by `make bench-state`. With more it is assumed."""
CATCH_UP = 2
"""Events that workers can count for each event that arrives, so that they catch up as fast as they fell behind."""
WORKER_MEMORY = 8 * GB
WORKER_DISK = 100 * GB
BROKER_DISK = 2_000 * GB


class StorageEstimate(NamedTuple):
    """Entities, bytes of memory, of the state topic and of input topics of an event whose entity is kept for `kept` ms."""

    kind: str
    entities: float
    memory: float
    topic: float
    inputs: float
    kept: int


class Throughput(NamedTuple):
    """Events per second that a worker counts on one core."""

    in_memory: int
    on_disk: int


THROUGHPUT = {
    "answers": Throughput(25_307, 18_000),
    "ticket events": Throughput(42_270, 39_000),
    "orders": Throughput(42_000, 38_000),
}
"""Measured through Kafka by `tests.bench.run` (answers and ticket events in memory), the others by the ratios of CPU of `tests.bench.disk`."""


class Requirements(NamedTuple):
    """What a rate of events of one kind needs. Sizes are in bytes, times in seconds. Lists of all workers together."""

    entities: float
    state_topic: float
    broker_disk: float
    brokers: int
    memory: float
    memory_workers: int
    memory_start: float
    local_disk: float
    disk_workers: int
    disk_first_start: float


def requirements(estimate: StorageEstimate, rate: float, topics: Topics) -> Requirements:
    """Return what `rate` events per second need, with workers of `WORKER_MEMORY` or `WORKER_DISK` and one core."""
    events = rate * estimate.kept / 1000
    entities, memory, state_topic = (
        events * each for each in (estimate.entities, estimate.memory, estimate.topic)
    )
    inputs = rate * topics.retention / 1000 * estimate.inputs
    broker_disk = topics.replication_factor * (inputs + REWRITE * state_topic)
    local_disk = REWRITE * DATABASE * state_topic
    throughput = THROUGHPUT[estimate.kind]
    in_memory = max(1, ceil(CATCH_UP * rate / throughput.in_memory), ceil(memory / WORKER_MEMORY))
    on_disk = max(1, ceil(CATCH_UP * rate / throughput.on_disk), ceil(local_disk / WORKER_DISK))
    return Requirements(
        entities,
        state_topic,
        broker_disk,
        max(topics.replication_factor, ceil(broker_disk / BROKER_DISK)),
        memory,
        in_memory,
        entities / RESTORED / in_memory,
        local_disk,
        on_disk,
        entities / RESTORED / on_disk,
    )


@dataclass(slots=True)
class SampleRecord:
    """A record of the sample."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def report(rate: float, settings: Settings) -> str:
    """Return a table of the needs of `rate` events per second of each kind alone."""
    measured = estimates(aggregation_config(settings))
    needs = [requirements(estimate, rate, settings.topics) for estimate in measured]
    least = settings.topics.partitions
    rows: list[tuple[str, list[float]]] = [
        ("kept (days)", [estimate.kept / DAY for estimate in measured]),
        ("entities (million)", [need.entities / 1e6 for need in needs]),
        ("state topic (GB)", [need.state_topic / GB for need in needs]),
        ("disk of all brokers (GB)", [need.broker_disk / GB for need in needs]),
        ("brokers", [need.brokers for need in needs]),
        ("", []),
        ("in memory: memory (GB)", [need.memory / GB for need in needs]),
        ("in memory: workers", [need.memory_workers for need in needs]),
        ("in memory: partitions", [max(least, need.memory_workers) for need in needs]),
        ("in memory: start (min)", [need.memory_start / 60 for need in needs]),
        ("", []),
        ("on disk: memory (GB)", [need.disk_workers * MEMORY_ON_DISK / GB for need in needs]),
        ("on disk: local disk (GB)", [need.local_disk / GB for need in needs]),
        ("on disk: workers", [need.disk_workers for need in needs]),
        ("on disk: partitions", [max(least, need.disk_workers) for need in needs]),
        ("on disk: first start (min)", [need.disk_first_start / 60 for need in needs]),
    ]
    columns = "".join(f"{estimate.kind:>16}" for estimate in measured)
    lines = [f"{f'{rate:,g} events per second need':32}{columns}"]
    lines += [
        f"{label:32}{''.join(f'{_number(each):>16}' for each in cells)}".rstrip() for label, cells in rows
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"Each column assumes that all events are of that kind. Measured on {SAMPLE:,} entities of each kind. Sizes are of all workers or brokers.",
            f"A worker has one core, and {WORKER_MEMORY // GB} GB for entities in memory, or {WORKER_DISK // GB} GB of local disk with worker.state_dir. It can count",
            f"{CATCH_UP} times the rate, and restores {RESTORED:,} records per second. Later starts on disk read only the end of the topics.",
            f"Local disk is {REWRITE} times the databases, because RocksDB rewrites files. A broker has {BROKER_DISK // GB:,} GB, for input topics kept for",
            f"topics.retention and {REWRITE} times the state topics, because Kafka compacts them, all times topics.replication_factor.",
        ]
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.2f}"


def estimates(config: AggregationConfig) -> list[StorageEstimate]:
    """Return measured estimates for answers, ticket events and orders."""
    feedback, tickets, customers = DOMAIN_REGISTRY
    return [
        _measure(
            "answers",
            feedback,
            _answers(),
            config,
            config.allowed_lateness,
        ),
        _measure(
            "ticket events",
            tickets,
            _tickets(),
            config,
            config.entity_retention,
        ),
        _measure(
            "orders",
            customers,
            _orders(),
            config,
            config.entity_retention,
        ),
    ]


def _measure(
    kind: str, domain: Domain, events: Iterator[Data], config: AggregationConfig, kept: int
) -> StorageEstimate:
    records = [
        SampleRecord(
            n,
            NOW,
            owner_of(data).encode(),
            encode(make(data, id=f"e-{n:034}", source="/a/source", time=NOW + n)),
        )
        for n, data in enumerate(events)
    ]
    partition = PartitionTask(domain, 0, 1, config)
    partition.process(records[:WARM_UP], NOW)  # costs that do not depend on the number of events
    partition.prepare_flush(NOW, 0)
    before = len(partition.store.entities)
    for record in records:  # fill the bounded cache, whose growth would count as memory of entities
        partition_of(record.key, 1)
    tracemalloc.start()
    partition.process(records[WARM_UP:], NOW)
    flush = partition.prepare_flush(NOW, 0)
    topic = sum(len(key) + len(value or b"") for key, value in flush.state)
    inputs = sum(len(record.key or b"") + len(record.value or b"") for record in records[WARM_UP:])
    inputs += sum(len(record.key or b"") + len(record.value or b"") for record in flush.forwards)
    del flush
    gc.collect()  # unreachable objects must not count
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n = len(records) - WARM_UP
    entities = len(partition.store.entities) - before
    return StorageEstimate(kind, entities / n, memory / n, topic / n, inputs / n, kept)


def _id(kind: str, n: int) -> str:
    """Return an ID as long as a UUID with a prefix."""
    return f"{kind}-{n:034}"


def _answers() -> Iterator[Data]:
    for n in range(SAMPLE):
        yield FeedbackSubmitted(
            feedback_id=_id("f", n),
            survey="nps",
            score=n % 11,
            customer_id=_id("c", n),
            channel="web",
            touchpoint="shop",
        )


def _tickets() -> Iterator[Data]:
    for n in range(SAMPLE):
        ticket, customer = _id("t", n), _id("c", n)
        yield TicketCreated(ticket_id=ticket, customer_id=customer, channel="chat", priority="normal")
        yield TicketMessage(ticket_id=ticket, customer_id=customer, message_id=_id("m", n), author="agent")
        yield TicketStatus(ticket_id=ticket, customer_id=customer, status="solved", by="agent")


def _orders() -> Iterator[Data]:
    for n in range(SAMPLE):
        yield PurchaseCompleted(
            order_id=_id("o", n), customer_id=_id("c", n % (SAMPLE // 10)), amount_minor=1_999, currency="EUR"
        )
