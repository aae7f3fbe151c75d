"""Skip orders that the command line writes while a worker owns the partition, which has read its state long before."""

from collections.abc import Mapping
from contextlib import suppress

from aiokafka import TopicPartition

from stream.config import Settings
from stream.core.aggregation.task import PartitionTask
from stream.core.model.unreadable import ORDER
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.kafka.records import Consumer


class SkipOrders:
    """A reader of the ends of the topics of state. It has a connection only while a partition is blocked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Consumer | None = None
        self._next: dict[TopicPartition, int] = {}

    async def read(self, begin: Mapping[PartitionTask, int]) -> None:
        """Hand the orders behind these offsets of their state to the partitions. Raises aiokafka's KafkaError."""
        if not begin:
            await self.stop()
            return
        if self._consumer is None:
            self._consumer = committed_consumer(self._settings.kafka)
            await self._consumer.start()
        consumer = self._consumer
        topics = self._settings.topics
        into = {TopicPartition(topics.state(p.domain.name), p.number): p for p in begin}
        ranges = {
            tp: span._replace(begin=max(begin[into[tp]], self._next.get(tp, 0)))
            for tp, span in (await assign(consumer, into)).items()
        }
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                if record.key is not None and record.key.startswith(ORDER):
                    into[tp].restore_order(record.key, record.value)
        self._next = {tp: span.end for tp, span in ranges.items()}

    async def stop(self) -> None:
        """Let the connection go."""
        consumer, self._consumer, self._next = self._consumer, None, {}
        if consumer is not None:
            with suppress(Exception):  # it may be what failed
                await consumer.stop()
