"""Reading the dead-letter topic up to its current end."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.importing.sending import ProgressMeter
from stream.kafka.admin import describe
from stream.kafka.client import running
from stream.kafka.reading import OffsetRanges, assign, committed_consumer, read_ranges
from stream.kafka.rights import READ, Operation, needs_of
from stream.kafka.topics import topics
from stream.operations.deadletters.dead_letter import DeadLetter, dead_letter_of


@asynccontextmanager
async def open_reader(
    settings: Settings, operations: Collection[Operation] = READ
) -> AsyncIterator[tuple[AIOKafkaConsumer, OffsetRanges]]:
    """Yield a consumer and the committed ranges of the topic. The caller needs `operations` on it.

    Raises PreconditionFailed if the topic does not exist or an operation is not permitted.
    """
    name = settings.topics.deadletter
    wanted = [spec for spec in topics(settings) if spec.role == "deadletter"]
    existing = await describe(settings, wanted, needs_of(wanted, {"deadletter": operations}))
    if name not in existing:
        raise PreconditionFailed(f"missing topic: {name}; create it with cxgauge topics create")
    async with running(committed_consumer(settings.kafka)) as consumer:
        tps = [TopicPartition(name, number) for number in range(existing[name].partitions)]
        yield consumer, await assign(consumer, tps)


async def read_dead_letters(consumer: AIOKafkaConsumer, ranges: OffsetRanges) -> AsyncIterator[DeadLetter]:
    """Yield the dead letters of these ranges, in order within each partition."""
    async for _, records in read_ranges(consumer, ranges):
        for record in records:
            yield dead_letter_of(record)


async def read_all(settings: Settings) -> AsyncIterator[DeadLetter]:
    """Yield all current dead letters, with a progress bar on a terminal."""
    async with open_reader(settings) as (consumer, ranges):
        with ProgressMeter(sum(span.end - span.begin for span in ranges.values()), "dead letters") as meter:
            async for dead_letter in read_dead_letters(consumer, ranges):
                meter.step()
                yield dead_letter
