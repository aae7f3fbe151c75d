"""Restoring partitions: their compacted topics up to the last stable offset, and a look at their source."""

import logging
from collections.abc import Callable, Collection
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.core.aggregation.task import PartitionTask, checksum
from stream.core.model.unreadable import UnreadableBatch
from stream.errors import PreconditionFailed
from stream.kafka.records import Consumer, described

log = logging.getLogger(__name__)

RESTORE_BATCH = 10_000
"""Records that are taken in at once: each takes as much memory as what is kept of it."""

Restore = Callable[[bytes, bytes | None], None]


def consumer_of_state(options: dict[str, Any]) -> Consumer:
    """A consumer for compacted topics: committed records, no group, large fetches. Unreadable batches raise Refused."""
    return Consumer(
        **options,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1 << 20,
        fetch_max_wait_ms=50,
    )


async def load(
    partitions: Collection[PartitionTask], settings: Settings, options: dict[str, Any]
) -> dict[PartitionTask, int]:
    """Restore every partition with one consumer, then check that its source is the one that was counted.

    Returns the offset at which the state of each ended. Raises `Refused` for state that cannot be read, of a version
    that is not ours, of another partition count, or of another or a cut source.
    """
    consumer = consumer_of_state(options)
    await consumer.start()
    try:
        end = await _restore(consumer, partitions, settings)
        for partition in partitions:
            _check_checkpoint(partition)
        await _check_sources(consumer, partitions, settings)
    finally:
        await consumer.stop()
    return {p: end[TopicPartition(settings.topics.state(p.domain.name), p.number)] for p in partitions}


async def _restore(
    consumer: AIOKafkaConsumer, partitions: Collection[PartitionTask], settings: Settings
) -> dict[TopicPartition, int]:
    topics = settings.topics
    into: dict[TopicPartition, Restore] = {}
    for p in partitions:
        into[TopicPartition(topics.state(p.domain.name), p.number)] = p.restore_state
        into[TopicPartition(topics.panes(p.domain.name), p.number)] = p.restore_panes
    begin, end = await _assign(consumer, into)
    for tp in into:
        consumer.seek(tp, begin[tp])
    left = {tp for tp in into if begin[tp] < end[tp]}
    while left:
        try:
            fetched = await consumer.getmany(*left, timeout_ms=200, max_records=RESTORE_BATCH)
        except PreconditionFailed as error:
            raise PreconditionFailed(
                f"{error}: restore the topic, or count anew under another topics.state_prefix"
            ) from error
        for tp, records in fetched.items():
            restore = into[tp]
            for record in records:
                restore(record.key, record.value)
        for tp in list(left):
            if await consumer.position(tp) >= end[tp]:
                left.discard(tp)
    return end


async def _assign(
    consumer: AIOKafkaConsumer, wanted: Collection[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    consumer.assign(list(wanted))
    return await consumer.beginning_offsets(list(wanted)), await consumer.end_offsets(list(wanted))


def _check_checkpoint(partition: PartitionTask) -> None:
    at, where = partition.checkpoint, f"{partition.domain.name} partition {partition.number}"
    if reason := partition.incompatibility():
        raise PreconditionFailed(f"state of {where}: {reason}")
    if at.next_offset and at.partitions != partition.partition_count:
        raise PreconditionFailed(
            f"state of {where}: counted with {at.partitions} partitions, topics.partitions is {partition.partition_count}; "
            "changing it means rebuilding the state"
        )


async def _check_sources(
    consumer: Consumer, partitions: Collection[PartitionTask], settings: Settings
) -> None:
    counted = {
        TopicPartition(settings.topics.input(p.domain.name), p.number): p
        for p in partitions
        if p.checkpoint.next_offset
    }
    if not counted:
        return
    begin, end = await _assign(consumer, counted)
    unchecked = []
    for tp, p in counted.items():
        where = f"{tp.topic} partition {tp.partition}"
        if end[tp] < p.checkpoint.next_offset:
            raise PreconditionFailed(
                f"{where}: ends at {end[tp]}, but {p.checkpoint.next_offset} records were counted: it was made anew"
            )
        if begin[tp] > p.checkpoint.next_offset:
            raise PreconditionFailed(
                f"{where}: begins at {begin[tp]}, but only what is before {p.checkpoint.next_offset} was counted: "
                "the records between were deleted unread"
            )
        if begin[tp] <= p.checkpoint.last_offset:
            consumer.seek(tp, p.checkpoint.last_offset)
            unchecked.append(tp)
    while unchecked:
        for tp, records in (
            await consumer.getmany_checked(*unchecked, timeout_ms=200, max_records=len(unchecked))
        ).items():
            at = counted[tp].checkpoint
            first = records[0]
            if isinstance(first, UnreadableBatch) and first.offset <= at.last_offset < first.end:
                log.warning(
                    "%s; it was counted before, so the topic is taken to be the same", described(tp, first)
                )
            elif first.offset != at.last_offset or checksum(first) != at.checksum:
                raise PreconditionFailed(
                    f"{tp.topic} partition {tp.partition}: at offset {at.last_offset} is another record than was counted: "
                    "it was made anew"
                )
            unchecked.remove(tp)
