"""The transactions of one partition of the source topic."""

import asyncio

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.structs import OffsetAndMetadata

from stream.bridge.options import BridgeOptions
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.kafka.batches import BATCH_BYTES, REQUEST_BYTES, address, send_batches
from stream.kafka.client import client_options, stop_within

TRANSACTION_TIMEOUT = 15.0
"""Seconds after which a transaction fails because its outcome is unknown."""
BROKER_TIMEOUT_MS = 20_000
"""Time after which the broker aborts a transaction. Until then it blocks the readers of the inputs if nobody takes over."""
STOP_TIMEOUT = 5.0
"""Seconds that closing the connections may take."""


class PartitionWriter:
    """Writes the results and the next offset of one partition in transactions.

    There is one transactional ID for each partition, because the client does not send the generation of the group with
    the offsets. `open` fences the former owner of the partition, which can neither send nor commit afterwards.
    """

    def __init__(self, settings: Settings, options: BridgeOptions, partition: TopicPartition) -> None:
        self.partition = partition
        self.is_revoked = False
        """Whether the group takes the partition away. The open transaction is then aborted."""
        self.next_offset = 0
        """The offset after the last record whose results were committed."""
        self._group, self._topics = options.group, settings.topics
        self._producer = transactional_producer(settings, options, str(partition.partition))

    async def open(self) -> None:
        """Abort the former owner's transaction, or wait until it is committed, and fence the owner."""
        await self._producer.start()

    async def write(self, outgoing: list[OutgoingRecord], next_offset: int) -> bool:
        """Write records and the next offset in one transaction.

        Return False if it was aborted because the partition is revoked. Raises ProducerFenced, and other
        KafkaErrors and TimeoutError, after which the outcome is unknown.
        """
        try:
            async with asyncio.timeout(TRANSACTION_TIMEOUT):
                return await self._write(outgoing, next_offset)
        except (KafkaError, IllegalOperation, AssertionError) as error:
            raise self._failure() or error from error

    async def _write(self, outgoing: list[OutgoingRecord], next_offset: int) -> bool:
        producer = self._producer
        batches = await address(producer, self._topics, outgoing, wall_ms())
        await producer.begin_transaction()
        await send_batches(producer, batches)
        if not self.is_revoked:
            await producer.send_offsets_to_transaction(
                {self.partition: OffsetAndMetadata(next_offset, "")}, self._group
            )
        if self.is_revoked:
            await producer.abort_transaction()
            return False
        await producer.commit_transaction()
        self.next_offset = next_offset
        return True

    def _failure(self) -> BaseException | None:
        """Return the error that ended the producer. Calls after it raise others."""
        task = self._producer._sender.sender_task  # noqa: SLF001
        return None if task is None or not task.done() or task.cancelled() else task.exception()

    async def close(self) -> None:
        """Close the connections."""
        await stop_within(self._producer, STOP_TIMEOUT)


def transactional_producer(settings: Settings, options: BridgeOptions, name: str) -> AIOKafkaProducer:
    """Build the producer of a transactional ID. The caller starts it."""
    return AIOKafkaProducer(
        **client_options(settings.kafka),
        transactional_id=options.transactional_id(name),
        transaction_timeout_ms=BROKER_TIMEOUT_MS,
        request_timeout_ms=10_000,
        max_batch_size=BATCH_BYTES,
        max_request_size=REQUEST_BYTES,
    )
