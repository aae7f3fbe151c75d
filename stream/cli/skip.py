"""`cxgauge skip`: order the worker to pass over a batch of an input that cannot be read."""

import re
import time
from typing import Any, NamedTuple

import click
from aiokafka import AIOKafkaProducer, TopicPartition

from schemas.topics import DOMAINS, DomainName
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.config import Settings
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, order_key
from stream.errors import CxgaugeError, PreconditionFailed
from stream.kafka.admin import describe
from stream.kafka.client import client_options
from stream.kafka.records import Consumer
from stream.kafka.topics import refusals, topics
from stream.operations.inspection.positions import newest_markers

FETCH_BYTES = 16 << 20
"""Enough for the largest batch and the one behind it, by which the end of a damaged batch is known best."""
_POSITION_PATTERN = re.compile(r"([A-Za-z0-9._-]+):([0-9]+):([0-9]+)")


class BatchPosition(NamedTuple):
    """Where a batch begins."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As the command takes it."""
        return ":".join(map(str, self))


class _PositionType(click.ParamType):
    name = "topic:partition:offset"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> BatchPosition:
        """Read it. It fails with what is allowed."""
        if (parts := _POSITION_PATTERN.fullmatch(value)) is None:
            self.fail(f"{value!r} is not TOPIC:PARTITION:OFFSET, as `cxgauge doctor` shows it", param, ctx)
        return BatchPosition(parts[1], int(parts[2]), int(parts[3]))


@click.command()
@click.argument("position", type=_PositionType(), metavar="TOPIC:PARTITION:OFFSET")
@click.pass_obj
def skip(configuration: Configuration, position: BatchPosition) -> None:
    """Order the worker to pass over the batch at OFFSET, which cannot be read and blocks its partition.

    `cxgauge doctor` and the worker's /readyz name such batches. The records of the batch are in no figure:
    cx_records_skipped_total counts them. A batch that can be read is never skipped, and no order counts twice.
    """
    settings = configuration.load()
    batch, order = run(settings.kafka, _order(settings, position))
    click.echo(
        f"{position}: {batch.reason}. Ordered: {order.records} records are skipped, counting goes on at offset {order.end}. "
        "The worker of the partition does so within seconds"
    )


async def _order(settings: Settings, position: BatchPosition) -> tuple[UnreadableBatch, SkipOrder]:
    """Check that the batch blocks its partition, and give the order. Raises CxgaugeError, and aiokafka's KafkaError."""
    domain = _domain(settings, position)
    specs = topics(settings)
    if wrong := refusals(specs, await describe(settings, specs)):
        raise PreconditionFailed("topics are not as configured (cxgauge topics check):\n" + "\n".join(wrong))
    consumer = Consumer(
        **client_options(settings.kafka),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        checkpoint = await _marker(
            consumer, TopicPartition(settings.topics.panes(domain), position.partition)
        )
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


async def _marker(consumer: Consumer, panes: TopicPartition) -> Checkpoint:
    consumer.assign([panes])
    return (await newest_markers(consumer, [panes])).get(panes) or Checkpoint()


async def _examined(
    consumer: Consumer, batch_position: BatchPosition, counted: int
) -> tuple[UnreadableBatch, SkipOrder]:
    """Read on from what was counted: the first thing there must be the batch, and unreadable."""
    tp = TopicPartition(batch_position.topic, batch_position.partition)
    consumer.assign([tp])
    begin, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
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
    ordered = time.time_ns() // 1_000_000
    return batch, SkipOrder(end=batch.end, records=batch.records(position), ordered=ordered)


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
