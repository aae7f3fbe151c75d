"""Reading skip orders that an operator writes after a worker has restored the partition."""

from collections.abc import Mapping
from contextlib import suppress

from aiokafka import TopicPartition

from stream.config import Settings
from stream.core.aggregation.task import PartitionTask
from stream.core.model.unreadable import ORDER
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.kafka.records import Consumer


class SkipOrders:
    """A reader of the ends of the state topics. It is connected only while a partition is blocked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Consumer | None = None
        self._next: dict[TopicPartition, int] = {}

    async def read(self, begin: Mapping[PartitionTask, int]) -> None:
        """Pass orders at or after these offsets of the state topics to their partitions.

        Raises aiokafka's KafkaError.
        """
        if not begin:
            await self.stop()
            return
        if self._consumer is None:
            self._consumer = committed_consumer(self._settings.kafka)
            await self._consumer.start()
        consumer = self._consumer
        topics = self._settings.topics
        partitions = {TopicPartition(topics.state(p.domain.name), p.number): p for p in begin}
        ranges = {
            tp: span._replace(begin=max(begin[partitions[tp]], self._next.get(tp, 0)))
            for tp, span in (await assign(consumer, partitions)).items()
        }
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                if record.key is not None and record.key.startswith(ORDER):
                    partitions[tp].restore_order(record.key, record.value)
        self._next = {tp: span.end for tp, span in ranges.items()}

    async def stop(self) -> None:
        """Close the connection."""
        consumer, self._consumer, self._next = self._consumer, None, {}
        if consumer is not None:
            with suppress(Exception):  # the connection may be broken
                await consumer.stop()
