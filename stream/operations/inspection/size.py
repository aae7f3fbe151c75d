"""Estimates of memory and disk for a rate of events, measured on a sample in the core itself."""

import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.codec import encode, make
from schemas.customers import PurchaseCompleted
from schemas.feedback import FeedbackSubmitted
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus
from schemas.topics import partition_of
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
"""Records per second that a worker restores at least. The benchmark requires 100,000 in 2 s."""
MB = 1_000_000
DATABASE = 1.5
"""Bytes of a database for each byte of the state topic, measured by `make bench-state`."""
MEMORY_ON_DISK = 250
"""Memory in MB of a process with a database of a million and more entities, measured by `make bench-state`."""


class StorageEstimate(NamedTuple):
    """Entities, bytes of memory and bytes of the state topic of an event that is kept for `kept` ms."""

    kind: str
    entities: float
    memory: float
    topic: float
    kept: int


@dataclass(slots=True)
class SampleRecord:
    """A record of the sample."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def report(rate: float, config: AggregationConfig) -> str:
    """Return a table of the needs of `rate` events per second of each kind alone."""
    head = f"{rate:g} events per second need     entities   memory (MB)   state topic (MB)   start (s)"
    lines = [head]
    for estimate in estimates(config):
        events = rate * estimate.kept / 1000
        entities = events * estimate.entities
        lines.append(
            f"{estimate.kind:28} {entities:12,.0f} {events * estimate.memory / MB:13,.0f}"
            f" {events * estimate.topic / MB:18,.0f} {entities / RESTORED:11,.0f}"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Measured on {SAMPLE:,} entities of each kind. Memory is the total of all workers. The state topic is the size after",
            "compaction, without replication. Between two compactions it is up to twice as large.",
            f"The start is computed at {RESTORED:,} records per second.",
            f"With worker.state_dir a worker has some {MEMORY_ON_DISK} MB of memory for entities, however many there are. Its databases take about",
            f"{DATABASE} times the state topic, and up to twice that while files are rewritten. A start reads only the end of the topic.",
        ]
    )


def estimates(config: AggregationConfig) -> list[StorageEstimate]:
    """Return measured estimates for answers, ticket events and orders."""
    feedback, tickets, customers = DOMAIN_REGISTRY
    return [
        _measure(
            f"answers, kept {config.allowed_lateness // DAY} d",
            feedback,
            _answers(),
            config,
            config.allowed_lateness,
        ),
        _measure(
            f"ticket events, kept {config.entity_retention // DAY} d",
            tickets,
            _tickets(),
            config,
            config.entity_retention,
        ),
        _measure(
            f"orders, kept {config.entity_retention // DAY} d",
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
    del flush
    gc.collect()  # unreachable objects must not count
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n = len(records) - WARM_UP
    entities = len(partition.store.entities) - before
    return StorageEstimate(kind, entities / n, memory / n, topic / n, kept)


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
