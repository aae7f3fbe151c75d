"""Reading the topic of dead letters from its beginning to where it ends now."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.importing.sending import ProgressMeter
from stream.kafka.admin import describe
from stream.kafka.client import client_options
from stream.kafka.topics import topics
from stream.operations.deadletters.dead_letter import DeadLetter, dead_letter_of
from stream.worker.restore import consumer_of_state


class OffsetRange(NamedTuple):
    """Offsets of a partition, from `begin` to before `end`."""

    begin: int
    end: int


OffsetRanges = Mapping[TopicPartition, OffsetRange]


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[tuple[AIOKafkaConsumer, OffsetRanges]]:
    """A consumer of the topic, and all that is committed in it now. Raises Refused when there is no such topic."""
    name = settings.topics.deadletter
    there = await describe(settings, [spec for spec in topics(settings) if spec.role == "deadletter"])
    if name not in there:
        raise PreconditionFailed(f"missing topic: {name}; cxgauge topics create makes it")
    consumer = consumer_of_state(client_options(settings.kafka))
    await consumer.start()
    try:
        tps = [TopicPartition(name, number) for number in range(there[name].partitions)]
        consumer.assign(tps)
        begin, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        yield consumer, {tp: OffsetRange(begin[tp], end[tp]) for tp in tps}
    finally:
        await consumer.stop()


async def read_ranges(consumer: AIOKafkaConsumer, spans: OffsetRanges) -> AsyncIterator[DeadLetter]:
    """The letters of these spans; those of a partition in their order."""
    left = {tp: span.end for tp, span in spans.items() if span.begin < span.end}
    for tp in left:
        consumer.seek(tp, spans[tp].begin)
    while left:
        for tp, records in (await consumer.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.offset < left[tp]:
                    yield dead_letter_of(record)
        for tp in [tp for tp, end in left.items() if await consumer.position(tp) >= end]:
            del left[tp]


async def read_all(settings: Settings) -> AsyncIterator[DeadLetter]:
    """All letters there are now, with a bar on a terminal."""
    async with open_reader(settings) as (consumer, spans):
        with ProgressMeter(sum(span.end - span.begin for span in spans.values()), "letters") as meter:
            async for letter in read_ranges(consumer, spans):
                meter.step()
                yield letter
