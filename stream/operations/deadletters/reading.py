"""Reading the topic of dead letters from its beginning to where it ends now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.importing.sending import ProgressMeter
from stream.kafka.admin import describe
from stream.kafka.reading import OffsetRanges, assign, committed_consumer, read_ranges
from stream.kafka.topics import topics
from stream.operations.deadletters.dead_letter import DeadLetter, dead_letter_of


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[tuple[AIOKafkaConsumer, OffsetRanges]]:
    """A consumer of the topic, and all that is committed in it now. Raises PreconditionFailed when it does not exist."""
    name = settings.topics.deadletter
    there = await describe(settings, [spec for spec in topics(settings) if spec.role == "deadletter"])
    if name not in there:
        raise PreconditionFailed(f"missing topic: {name}; cxgauge topics create makes it")
    consumer = committed_consumer(settings.kafka)
    await consumer.start()
    try:
        tps = [TopicPartition(name, number) for number in range(there[name].partitions)]
        yield consumer, await assign(consumer, tps)
    finally:
        await consumer.stop()


async def read_dead_letters(consumer: AIOKafkaConsumer, ranges: OffsetRanges) -> AsyncIterator[DeadLetter]:
    """Yield the dead letters of these ranges, those of a partition in order."""
    async for _, records in read_ranges(consumer, ranges):
        for record in records:
            yield dead_letter_of(record)


async def read_all(settings: Settings) -> AsyncIterator[DeadLetter]:
    """All letters there are now, with a bar on a terminal."""
    async with open_reader(settings) as (consumer, spans):
        with ProgressMeter(sum(span.end - span.begin for span in spans.values()), "letters") as meter:
            async for letter in read_dead_letters(consumer, spans):
                meter.step()
                yield letter
