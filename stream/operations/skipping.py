"""Orders to skip a batch of an input that cannot be read and blocks its partition."""

from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition

from schemas.topics import DOMAINS, DomainName
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, order_key
from stream.errors import CxgaugeError
from stream.kafka.admin import check_topics
from stream.kafka.client import client_options
from stream.kafka.reading import assign, committed_consumer
from stream.kafka.records import Consumer
from stream.kafka.topics import topics
from stream.operations.inspection.positions import newest_checkpoints

FETCH_BYTES = 16 << 20
"""Enough for the largest batch and the one behind it, by which the end of a damaged batch is known best."""


class BatchPosition(NamedTuple):
    """Where a batch begins."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As the command takes it."""
        return ":".join(map(str, self))


async def order_skip(settings: Settings, position: BatchPosition) -> tuple[UnreadableBatch, SkipOrder]:
    """Check that the batch blocks its partition, write the order, and return both.

    Raises:
        CxgaugeError: another batch blocks the partition, or none
        PreconditionFailed: topics are not as configured
        KafkaError: of aiokafka
    """
    domain = _domain(settings, position)
    await check_topics(settings, topics(settings))
    consumer = committed_consumer(settings.kafka, fetch_bytes=FETCH_BYTES)
    await consumer.start()
    try:
        panes = TopicPartition(settings.topics.panes(domain), position.partition)
        consumer.assign([panes])
        checkpoint = (await newest_checkpoints(consumer, [panes])).get(panes) or Checkpoint()
        batch, order = await _examined(consumer, position, checkpoint.next_offset)
    finally:
        await consumer.stop()
    await _write(settings, TopicPartition(settings.topics.state(domain), position.partition), position, order)
    return batch, order


def _domain(settings: Settings, position: BatchPosition) -> DomainName:
    inputs = {settings.topics.input(domain): domain for domain in DOMAINS}
    if position.topic not in inputs:
        raise CxgaugeError(f"topic: got {position.topic!r}, allowed are the inputs: {', '.join(inputs)}")
    if position.partition >= settings.topics.partitions:
        raise CxgaugeError(
            f"partition: got {position.partition}, there are 0 to {settings.topics.partitions - 1}"
        )
    return inputs[position.topic]


async def _examined(
    consumer: Consumer, batch_position: BatchPosition, counted: int
) -> tuple[UnreadableBatch, SkipOrder]:
    """Read on from what was counted: the first thing there must be the batch, and unreadable."""
    tp = TopicPartition(batch_position.topic, batch_position.partition)
    begin, end = (await assign(consumer, [tp]))[tp]
    position = max(begin, counted)
    consumer.seek(tp, position)
    first: Any = None
    while first is None and await consumer.position(tp) < end:
        for records in (await consumer.getmany_checked(tp, timeout_ms=200, max_records=1)).values():
            first = records[0]
    where = f"{batch_position.topic} partition {batch_position.partition}"
    if first is None:
        raise CxgaugeError(f"{where}: all {counted} offsets up to its end are counted, nothing blocks it")
    if not isinstance(first, UnreadableBatch):
        raise CxgaugeError(
            f"{where} is counted up to offset {counted}, and the record at offset {first.offset} can be read. Only the "
            "batch that blocks a partition can be skipped: wait until a worker has counted what is before it"
        )
    if first.offset != batch_position.offset:
        raise CxgaugeError(
            f"offset: got {batch_position.offset}, the batch that blocks {where} is at offset {first.offset} "
            f"(cxgauge skip {batch_position._replace(offset=first.offset)})"
        )
    batch = first._replace(end=min(first.end, end))
    return batch, SkipOrder(end=batch.end, records=batch.records(position), ordered=wall_ms())


async def _write(
    settings: Settings, state: TopicPartition, position: BatchPosition, order: SkipOrder
) -> None:
    producer = AIOKafkaProducer(**client_options(settings.kafka), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(
            state.topic, encode(order), key=order_key(position.offset), partition=state.partition
        )
    finally:
        await producer.stop()
