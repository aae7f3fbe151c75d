"""Reading committed records of ranges of offsets."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config.settings import Kafka
from stream.core.model.unreadable import UnreadableBatch
from stream.errors import PreconditionFailed
from stream.kafka.client import client_options, running
from stream.kafka.records import Consumer, described, unreadable_end


class OffsetRange(NamedTuple):
    """A half-open range of offsets of a partition: `begin` is included, `end` is not."""

    begin: int
    end: int


OffsetRanges = Mapping[TopicPartition, OffsetRange]


def committed_consumer(kafka: Kafka, *, fetch_bytes: int = 1 << 20) -> Consumer:
    """Build a consumer of committed records without a group.

    The caller starts it. `fetch_bytes` limits a partition's fetch.
    """
    return Consumer(
        **client_options(kafka),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=50,
    )


async def high_watermarks(kafka: Kafka, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the ends of what is written, records of open transactions included. Raises aiokafka's KafkaError."""
    async with running(Consumer(**client_options(kafka), enable_auto_commit=False)) as consumer:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
        return ends


async def assign(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetRange]:
    """Assign partitions and return the range of each, up to its last stable offset."""
    consumer.assign(list(partitions))
    return await offset_ranges(consumer, partitions)


async def offset_ranges(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetRange]:
    """Return the range of each partition, up to its last stable offset if the consumer reads committed records."""
    begins = await consumer.beginning_offsets(list(partitions))
    ends = await consumer.end_offsets(list(partitions))
    return {tp: OffsetRange(begins[tp], ends[tp]) for tp in partitions}


def refuse(tp: TopicPartition, batch: UnreadableBatch) -> None:
    """Raise PreconditionFailed with the position of an unreadable batch."""
    raise PreconditionFailed(described(tp, batch))


async def read_ranges(
    consumer: Consumer,
    ranges: OffsetRanges,
    *,
    max_records: int | None = None,
    on_unreadable: Callable[[TopicPartition, UnreadableBatch], None] = refuse,
) -> AsyncIterator[tuple[TopicPartition, list[Any]]]:
    """Yield the records of ranges of assigned partitions, in order within each partition.

    Batches have at most `max_records` records, or the whole fetch if it is None. What comes before an unreadable batch is
    yielded before `on_unreadable` is called. If that returns, the batch is left out.

    Raises:
        PreconditionFailed: a batch cannot be read
        KafkaError: of aiokafka
    """
    remaining = {tp: span.end for tp, span in ranges.items() if span.begin < span.end}
    for tp in remaining:
        consumer.seek(tp, ranges[tp].begin)
    while remaining:
        fetched = await consumer.getmany_checked(*remaining, timeout_ms=200, max_records=max_records)
        for tp, records in fetched.items():
            unreadable = unreadable_end(records)
            read, end = records if unreadable is None else records[:-1], remaining[tp]
            if read and read[-1].offset >= end:
                read = [record for record in read if record.offset < end]
            if read:
                yield tp, read
            if unreadable is not None and unreadable.offset < end:
                on_unreadable(tp, unreadable)
                consumer.seek(tp, unreadable.end)
        # by position, because transaction markers or compacted offsets may follow the last record
        remaining = {tp: end for tp, end in remaining.items() if await consumer.position(tp) < end}
