"""Stored state of every partition, read for audits without fencing its owner. Entities are not in memory."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model.unreadable import ORDER
from stream.kafka.admin import check_topics
from stream.kafka.client import running
from stream.kafka.reading import OffsetRange, OffsetRanges, assign, committed_consumer, read_ranges
from stream.kafka.rights import READ, needs_of
from stream.kafka.topics import topics
from stream.operations.inspection.spilled_entities import SpilledEntities

ATTEMPTS = 20
"""Maximum reads of a partition that is being written until state and panes are of the same flush."""
Restorers = Mapping[TopicPartition, Callable[[bytes, bytes | None], None]]
"""By partition of a compacted topic, what restores a record of it by key and value."""


class Snapshot(NamedTuple):
    """The panes of a partition, its entities, and the reason why it cannot be audited, empty if it can."""

    task: PartitionTask
    entities: SpilledEntities
    obstacle: str


async def check_stored(settings: Settings) -> None:
    """Check that state and panes exist as configured and may be read. Raises PreconditionFailed, and KafkaError of aiokafka."""
    stored = [spec for spec in topics(settings) if spec.role == "compacted"]
    await check_topics(settings, stored, needs_of(stored, {"compacted": READ}))


async def snapshots(settings: Settings) -> AsyncIterator[Snapshot]:
    """Yield a snapshot of each partition of each domain, which is valid until the next one.

    Raises aiokafka's KafkaError and PreconditionFailed.
    """
    async with running(committed_consumer(settings.kafka)) as consumer:
        for domain in DOMAIN_REGISTRY:
            for number in range(settings.topics.partitions):
                partition = PartitionTask(
                    domain, number, settings.topics.partitions, aggregation_config(settings)
                )
                name, topics = domain.name, settings.topics
                state = TopicPartition(topics.state(name), number)
                panes = TopicPartition(topics.panes(name), number)
                ranges = await assign(consumer, [state, panes])
                with SpilledEntities(ranges[state].end - ranges[state].begin) as entities:
                    restorers: Restorers = {
                        state: partial(_restore_state, entities),
                        panes: partition.restore_panes,
                    }
                    obstacle = await _restore(consumer, partition, ranges, restorers)
                    yield Snapshot(partition, entities, obstacle)


def _restore_state(entities: SpilledEntities, key: bytes, raw: bytes | None) -> None:
    if not key.startswith(ORDER):
        entities.restore(key, raw)


async def _restore(
    consumer: AIOKafkaConsumer,
    partition: PartitionTask,
    ranges: OffsetRanges,
    restorers: Restorers,
) -> str:
    """Read state and panes until neither has grown during the read, so that both end at the same flush.

    Return the reason why the partition cannot be audited, empty if it can.
    """
    for _ in range(ATTEMPTS):
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                restorers[tp](record.key, record.value)
        ends = await consumer.end_offsets(list(restorers))
        grown = {tp: OffsetRange(span.end, ends[tp]) for tp, span in ranges.items()}
        if all(span.begin == span.end for span in grown.values()):
            if reason := partition.incompatibility():
                return reason
            if partition.needs_rebuild:
                return "counted under other settings or another version; start a worker with this configuration first"
            partition.finish_restore()
            return ""
        ranges = grown
    return f"state or panes changed during each of {ATTEMPTS} reads; try again when fewer events arrive"
