"""Every partition as it is stored, without taking it from its owner: for audits."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.kafka.reading import OffsetRange, assign, committed_consumer, read_ranges

ATTEMPTS = 20
"""How often a partition that is being written is read on until state and panes are of one flush."""


class Snapshot(NamedTuple):
    """A partition, and what keeps its entities and panes from being compared; empty: nothing."""

    task: PartitionTask
    obstacle: str


async def snapshots(settings: Settings) -> AsyncIterator[Snapshot]:
    """All partitions of all domains, one after the other. Raises aiokafka's KafkaError."""
    consumer = committed_consumer(settings.kafka)
    await consumer.start()
    try:
        for domain in DOMAIN_REGISTRY:
            for number in range(settings.topics.partitions):
                partition = PartitionTask(
                    domain, number, settings.topics.partitions, aggregation_config(settings)
                )
                yield Snapshot(partition, await _restore(consumer, partition, settings))
    finally:
        await consumer.stop()


async def _restore(consumer: AIOKafkaConsumer, partition: PartitionTask, settings: Settings) -> str:
    """Read state and panes until both end at one flush: neither may have grown while it was read."""
    name, topics = partition.domain.name, settings.topics
    state = TopicPartition(topics.state(name), partition.number)
    panes = TopicPartition(topics.panes(name), partition.number)

    into: dict[TopicPartition, Callable[[bytes, bytes | None], None]] = {
        state: partition.restore_state,
        panes: partition.restore_panes,
    }
    ranges = await assign(consumer, into)
    for _ in range(ATTEMPTS):
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                into[tp](record.key, record.value)
        ends = await consumer.end_offsets(list(into))
        grown = {tp: OffsetRange(span.end, ends[tp]) for tp, span in ranges.items()}
        if all(span.begin == span.end for span in grown.values()):
            if (
                partition.checkpoint.next_offset
                and partition.checkpoint.config_hash != partition.config.config_hash
            ):
                return "counted under other settings: start a worker with these first"
            if reason := partition.incompatibility():
                return reason
            partition.finish_restore()
            return ""
        ranges = grown
    return "written all the time: no moment was found at which both topics were at rest"
