"""Reading the topic of dead letters from its beginning to where it ends now."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.cli.deadletter.letter import DeadLetter, letter
from stream.cli.sending import Meter
from stream.config import Settings, client_options
from stream.errors import Refused
from stream.topic_admin import describe
from stream.topology import topics
from stream.worker.loader import consumer_of_state


class Span(NamedTuple):
    """Offsets of a partition, from `begin` to before `end`."""

    begin: int
    end: int


Spans = Mapping[TopicPartition, Span]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[AIOKafkaConsumer, Spans]]:
    """A consumer of the topic, and all that is committed in it now. Raises Refused when there is no such topic."""
    name = settings.topics.deadletter
    there = await describe(settings, [spec for spec in topics(settings) if spec.role == "deadletter"])
    if name not in there:
        raise Refused(f"missing topic: {name}; cxgauge topics create makes it")
    consumer = consumer_of_state(client_options(settings.kafka))
    await consumer.start()
    try:
        tps = [TopicPartition(name, number) for number in range(there[name].partitions)]
        consumer.assign(tps)
        begin, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        yield consumer, {tp: Span(begin[tp], end[tp]) for tp in tps}
    finally:
        await consumer.stop()


async def letters(consumer: AIOKafkaConsumer, spans: Spans) -> AsyncIterator[DeadLetter]:
    """The letters of these spans; those of a partition in their order."""
    left = {tp: span.end for tp, span in spans.items() if span.begin < span.end}
    for tp in left:
        consumer.seek(tp, spans[tp].begin)
    while left:
        for tp, records in (await consumer.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.offset < left[tp]:
                    yield letter(record)
        for tp in [tp for tp, end in left.items() if await consumer.position(tp) >= end]:
            del left[tp]


async def every(settings: Settings) -> AsyncIterator[DeadLetter]:
    """All letters there are now, with a bar on a terminal."""
    async with opened(settings) as (consumer, spans):
        with Meter(sum(span.end - span.begin for span in spans.values()), "letters") as meter:
            async for one in letters(consumer, spans):
                meter.step()
                yield one
