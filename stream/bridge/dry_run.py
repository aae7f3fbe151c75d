"""What a bridge would send, without sending or committing anything."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from stream.bridge.options import BridgeOptions
from stream.bridge.positions import (
    committed_offsets,
    first_offsets,
    group_reader,
    starting_offset,
)
from stream.bridge.startup import inspect_topics
from stream.bridge.translation import Counts, Source, Translator
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.kafka.client import running
from stream.kafka.reading import OffsetRange, assign, read_ranges


class Trial(NamedTuple):
    """The results of fetched records of a partition."""

    partition: TopicPartition
    outgoing: list[OutgoingRecord]
    counts: Counts


async def translate_unread(
    settings: Settings, options: BridgeOptions, translator: Translator
) -> AsyncIterator[Trial]:
    """Yield the results of the records that the group has not read, up to the present end. The group is not joined.

    Raises:
        PreconditionFailed: topics are missing, or a batch cannot be read
        KafkaError: of aiokafka
    """
    partitions = (await inspect_topics(settings, options)).partitions
    async with running(group_reader(settings, options)) as consumer:
        ranges = await assign(consumer, partitions)
        committed: dict[TopicPartition, Any] = await committed_offsets(consumer, partitions)
        begins = committed or first_offsets(ranges, options)
        unread = {
            tp: OffsetRange(starting_offset(tp, begins.get(tp), span, options), span.end)
            for tp, span in ranges.items()
        }
        async for tp, records in read_ranges(consumer, unread):
            outgoing, counts = translator.translate_all(records, Source(tp.topic, tp.partition), wall_ms())
            yield Trial(tp, outgoing, counts)
