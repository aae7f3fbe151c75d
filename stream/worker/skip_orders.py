"""Skip orders that the command line writes while a worker owns the partition, which has read its state long before."""

from collections.abc import Mapping
from contextlib import suppress

from aiokafka import TopicPartition

from stream.config import Settings
from stream.core.aggregation.task import PartitionTask
from stream.core.model.unreadable import ORDER
from stream.kafka.client import client_options
from stream.kafka.records import Consumer
from stream.worker.restore import consumer_of_state


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
            self._consumer = consumer_of_state(client_options(self._settings.kafka))
            await self._consumer.start()
        consumer = self._consumer
        topics = self._settings.topics
        into = {TopicPartition(topics.state(p.domain.name), p.number): p for p in begin}
        consumer.assign(list(into))
        end = await consumer.end_offsets(list(into))
        for tp, partition in into.items():
            consumer.seek(tp, max(begin[partition], self._next.get(tp, 0)))
        left = {tp for tp in into if await consumer.position(tp) < end[tp]}
        while left:
            for tp, records in (await consumer.getmany(*left, timeout_ms=200)).items():
                for record in records:
                    if record.key is not None and record.key.startswith(ORDER):
                        into[tp].restore_order(record.key, record.value)
            left = {tp for tp in left if await consumer.position(tp) < end[tp]}
        self._next = end

    async def stop(self) -> None:
        """Let the connection go."""
        consumer, self._consumer, self._next = self._consumer, None, {}
        if consumer is not None:
            with suppress(Exception):  # it may be what failed
                await consumer.stop()
