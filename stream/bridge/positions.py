"""The offsets at which a bridge begins: those that its group has committed, or those of its first start."""

import asyncio
import logging
from collections.abc import Collection, Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from stream.bridge.options import BridgeOptions
from stream.bridge.partition_writer import STOP_TIMEOUT, transactional_producer
from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.kafka.client import client_options, running, stop_within
from stream.kafka.faults import is_fenced
from stream.kafka.reading import OffsetRange, assign
from stream.kafka.records import Consumer

log = logging.getLogger(__name__)

VISIBLE_TIMEOUT = 30.0
"""Seconds after a commit within which the group's coordinator must return the offset."""


def group_reader(settings: Settings, options: BridgeOptions) -> Consumer:
    """Build a consumer that knows the group's offsets without joining the group. The caller starts it."""
    return Consumer(
        **client_options(settings.kafka),
        group_id=options.group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
    )


async def committed_offsets(
    consumer: Consumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the committed offsets of those partitions that have one."""
    offsets = {tp: await consumer.committed(tp) for tp in partitions}
    return {tp: offset for tp, offset in offsets.items() if offset is not None}


def starting_offset(
    partition: TopicPartition, committed: int | None, span: OffsetRange, options: BridgeOptions
) -> int:
    """Return the offset at which to read on. A partition that was added after the first start is read completely.

    Raises PreconditionFailed if the committed offset is behind the end of the topic.
    """
    if committed is None:
        return span.begin
    if committed > span.end:
        raise PreconditionFailed(
            f"{partition.topic} partition {partition.partition} ends at offset {span.end}, but the group {options.group} has read "
            f"up to {committed}: the topic was recreated. Use another --group for it"
        )
    if committed < span.begin:
        log.error(
            "%s partition %d: offsets %d to %d were deleted before they were read, by the topic's retention",
            partition.topic,
            partition.partition,
            committed,
            span.begin - 1,
        )
    return max(committed, span.begin)


def first_offsets(
    ranges: Mapping[TopicPartition, OffsetRange], options: BridgeOptions
) -> dict[TopicPartition, int]:
    """Return the offsets of the first start."""
    return {tp: span.end if options.first_start == "end" else span.begin for tp, span in ranges.items()}


async def begin_group(
    settings: Settings, options: BridgeOptions, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetRange]:
    """Commit the offsets of the first start, unless the group has offsets, and return the present ranges.

    Bridges that start together agree by a transactional ID: one is fenced, looks once more, and finds the offsets of the
    other. Raises aiokafka's KafkaError.
    """
    async with running(group_reader(settings, options)) as consumer:
        ranges = await assign(consumer, partitions)
        while not await _try_begin(settings, options, consumer, ranges):
            log.info("Another bridge of the group %s starts, too", options.group)
        return ranges


async def _try_begin(
    settings: Settings,
    options: BridgeOptions,
    consumer: Consumer,
    ranges: Mapping[TopicPartition, OffsetRange],
) -> bool:
    """Commit the first offsets if there are none. Return False if another bridge was faster."""
    producer = transactional_producer(settings, options, "start")
    try:
        await producer.start()
        if await committed_offsets(consumer, ranges):
            return True
        await producer.begin_transaction()
        offsets = {tp: OffsetAndMetadata(n, "") for tp, n in first_offsets(ranges, options).items()}
        await producer.send_offsets_to_transaction(offsets, options.group)
        await producer.commit_transaction()
    except KafkaError as error:
        if is_fenced(error):
            return False
        raise
    finally:
        await stop_within(producer, STOP_TIMEOUT)
    # A commit is answered before the group's coordinator has applied it.
    async with asyncio.timeout(VISIBLE_TIMEOUT):
        while len(await committed_offsets(consumer, ranges)) < len(ranges):  # noqa: ASYNC110 - Kafka sends no event for this
            await asyncio.sleep(0.05)
    return True
