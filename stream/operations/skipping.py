"""Orders to skip an unreadable batch of an input that blocks its partition."""

from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition

from schemas.topics import DOMAINS, DomainName
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, order_key
from stream.errors import CxgaugeError
from stream.kafka.admin import check_topics
from stream.kafka.client import client_options, running
from stream.kafka.reading import assign, committed_consumer
from stream.kafka.records import Consumer
from stream.kafka.rights import READ, WRITE
from stream.kafka.topics import topics
from stream.operations.inspection.positions import newest_checkpoints

FETCH_BYTES = 16 << 20
"""Enough for the largest batch and the next one, which shows the end of a damaged batch best."""


class BatchPosition(NamedTuple):
    """The position of a batch in an input."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Return the form that `cxgauge skip` takes."""
        return ":".join(map(str, self))


async def order_skip(settings: Settings, position: BatchPosition) -> tuple[UnreadableBatch, SkipOrder]:
    """Check that the batch blocks its partition, write the skip order and return both.

    Raises:
        CxgaugeError: no batch or another one blocks the partition
        PreconditionFailed: topics differ from the configuration
        KafkaError: of aiokafka
    """
    domain = _domain(settings, position)
    await _check_topics(settings)
    async with running(committed_consumer(settings.kafka, fetch_bytes=FETCH_BYTES)) as consumer:
        panes = TopicPartition(settings.topics.panes(domain), position.partition)
        consumer.assign([panes])
        newest = (await newest_checkpoints(consumer, [panes])).get(panes)
        next_offset = newest.checkpoint.next_offset if newest else 0
        batch, order = await _blocking_batch(consumer, position, next_offset)
    await _write(settings, TopicPartition(settings.topics.state(domain), position.partition), position, order)
    return batch, order


async def _check_topics(settings: Settings) -> None:
    """Check inputs, state and panes, and that the order may be written."""
    state = {settings.topics.state(domain) for domain in DOMAINS}
    wanted = [spec for spec in topics(settings) if spec.role in ("input", "compacted")]
    await check_topics(
        settings, wanted, {spec.name: WRITE if spec.name in state else READ for spec in wanted}
    )


def _domain(settings: Settings, position: BatchPosition) -> DomainName:
    inputs = {settings.topics.input(domain): domain for domain in DOMAINS}
    if position.topic not in inputs:
        raise CxgaugeError(f"topic: got {position.topic!r}, allowed are the inputs: {', '.join(inputs)}")
    if position.partition >= settings.topics.partitions:
        raise CxgaugeError(
            f"partition: got {position.partition}, allowed are 0 to {settings.topics.partitions - 1}"
        )
    return inputs[position.topic]


async def _blocking_batch(
    consumer: Consumer, batch_position: BatchPosition, next_offset: int
) -> tuple[UnreadableBatch, SkipOrder]:
    """Return the unreadable batch at the next offset to be counted, and the order to skip it.

    Raises CxgaugeError if the records there can be read or the batch is at another offset.
    """
    tp = TopicPartition(batch_position.topic, batch_position.partition)
    begin, end = (await assign(consumer, [tp]))[tp]
    position = max(begin, next_offset)
    consumer.seek(tp, position)
    first: Any = None
    while first is None and await consumer.position(tp) < end:
        for records in (await consumer.getmany_checked(tp, timeout_ms=200, max_records=1)).values():
            first = records[0]
    where = f"{batch_position.topic} partition {batch_position.partition}"
    if first is None:
        raise CxgaugeError(
            f"{where}: everything up to its end, offset {end}, is counted, and no batch blocks it"
        )
    if not isinstance(first, UnreadableBatch):
        raise CxgaugeError(
            f"{where} is counted up to offset {next_offset}, and the record at offset {first.offset} can be read. Only the "
            "batch that blocks a partition can be skipped. Wait until a worker has counted the records before it"
        )
    if first.offset != batch_position.offset:
        raise CxgaugeError(
            f"offset: got {batch_position.offset}, but the batch that blocks {where} is at offset {first.offset}. "
            f"To skip that one: cxgauge skip {batch_position._replace(offset=first.offset)}"
        )
    batch = first._replace(end=min(first.end, end))
    return batch, SkipOrder(end=batch.end, records=batch.records(position), ordered=wall_ms())


async def _write(
    settings: Settings, state: TopicPartition, position: BatchPosition, order: SkipOrder
) -> None:
    async with running(
        AIOKafkaProducer(**client_options(settings.kafka), acks="all", enable_idempotence=True)
    ) as producer:
        await producer.send_and_wait(
            state.topic, encode(order), key=order_key(position.offset), partition=state.partition
        )
