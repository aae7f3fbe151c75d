"""Stored state of every partition, restored for audits without fencing its owner."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.kafka.admin import check_topics
from stream.kafka.client import running
from stream.kafka.reading import OffsetRange, assign, committed_consumer, read_ranges
from stream.kafka.rights import READ, needs_of
from stream.kafka.topics import topics

ATTEMPTS = 20
"""Maximum reads of a partition that is being written until state and panes are of the same flush."""


class Snapshot(NamedTuple):
    """A restored partition, and the reason why it cannot be audited, empty if it can."""

    task: PartitionTask
    obstacle: str


async def check_stored(settings: Settings) -> None:
    """Check that state and panes exist as configured and may be read. Raises PreconditionFailed, and KafkaError of aiokafka."""
    stored = [spec for spec in topics(settings) if spec.role == "compacted"]
    await check_topics(settings, stored, needs_of(stored, {"compacted": READ}))


async def snapshots(settings: Settings) -> AsyncIterator[Snapshot]:
    """Yield a snapshot of each partition of each domain.

    Raises aiokafka's KafkaError and PreconditionFailed.
    """
    async with running(committed_consumer(settings.kafka)) as consumer:
        for domain in DOMAIN_REGISTRY:
            for number in range(settings.topics.partitions):
                partition = PartitionTask(
                    domain, number, settings.topics.partitions, aggregation_config(settings)
                )
                yield Snapshot(partition, await _restore(consumer, partition, settings))


async def _restore(consumer: AIOKafkaConsumer, partition: PartitionTask, settings: Settings) -> str:
    """Read state and panes until neither has grown during the read, so that both end at the same flush.

    Return the reason why the partition cannot be audited, empty if it can.
    """
    name, topics = partition.domain.name, settings.topics
    state = TopicPartition(topics.state(name), partition.number)
    panes = TopicPartition(topics.panes(name), partition.number)

    restorers: dict[TopicPartition, Callable[[bytes, bytes | None], None]] = {
        state: partition.restore_state,
        panes: partition.restore_panes,
    }
    ranges = await assign(consumer, restorers)
    for _ in range(ATTEMPTS):
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                restorers[tp](record.key, record.value)
        ends = await consumer.end_offsets(list(restorers))
        grown = {tp: OffsetRange(span.end, ends[tp]) for tp, span in ranges.items()}
        if all(span.begin == span.end for span in grown.values()):
            if (
                partition.checkpoint.next_offset
                and partition.checkpoint.config_hash != partition.config.config_hash
            ):
                return "counted under other settings; start a worker with this configuration first"
            if reason := partition.incompatibility():
                return reason
            partition.finish_restore()
            return ""
        ranges = grown
    return f"state or panes changed during each of {ATTEMPTS} reads; try again when fewer events arrive"
