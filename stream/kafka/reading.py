"""Reading partitions from one offset to another, of what is committed."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config.settings import Kafka
from stream.kafka.client import client_options
from stream.kafka.records import Consumer


class OffsetRange(NamedTuple):
    """Offsets of a partition, from `begin` to before `end`."""

    begin: int
    end: int


OffsetRanges = Mapping[TopicPartition, OffsetRange]


def committed_consumer(kafka: Kafka, *, fetch_bytes: int = 1 << 20) -> Consumer:
    """Build a consumer of committed records, without a group and not started. It fetches `fetch_bytes` of a partition."""
    return Consumer(
        **client_options(kafka),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=50,
    )


async def assign(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetRange]:
    """Assign partitions and return the range of each, up to its last stable offset."""
    wanted = list(partitions)
    consumer.assign(wanted)
    begin, end = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
    return {tp: OffsetRange(begin[tp], end[tp]) for tp in wanted}


async def read_ranges(
    consumer: AIOKafkaConsumer, ranges: OffsetRanges, *, max_records: int | None = None
) -> AsyncIterator[tuple[TopicPartition, list[Any]]]:
    """Yield the records of ranges of assigned partitions in batches of at most `max_records`, each partition's in order.

    Raises:
        PreconditionFailed: a batch cannot be read
        KafkaError: of aiokafka
    """
    left = {tp: span.end for tp, span in ranges.items() if span.begin < span.end}
    for tp in left:
        consumer.seek(tp, ranges[tp].begin)
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=200, max_records=max_records)
        for tp, records in fetched.items():
            in_range = records[-1].offset < left[tp]
            yield tp, records if in_range else [record for record in records if record.offset < left[tp]]
        # the position: behind the last record may be markers of transactions, and what compaction removed
        left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
