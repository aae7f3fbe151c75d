"""The checkpoint store in Kafka: a transaction for each flush of a partition, which fences former owners."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTransactionTimeout, KafkaError

from stream.clock import wall_ms
from stream.config import Settings
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model import checkpoint as checkpoint_format
from stream.kafka.batches import (
    BATCH_BYTES,
    REQUEST_BYTES,
    TimestampAndHeaders,
    address,
    build_batches,
    send_batches,
)
from stream.kafka.client import client_options
from stream.kafka.faults import translated
from stream.kafka.rights import Operation
from stream.worker.restore import load
from stream.worker.skip_orders import SkipOrders
from stream.worker.topic_binding import TopicBinding

if TYPE_CHECKING:
    from stream.worker.disk.local_state import LocalState

log = logging.getLogger(__name__)

FLUSH_TIMEOUT = 45.0
"""Seconds after which a flush, or a slice of a rebuild, fails because its outcome is unknown."""
TRANSACTION_TIMEOUT = 900_000
"""Time in ms after which the broker aborts the transaction of a flush or rebuild, unless a new owner aborts it before. By
default brokers allow no longer one (`transaction.max.timeout.ms`)."""
SHORT_TRANSACTION_TIMEOUT = 60_000
"""The same with brokers that do not allow it."""


class Tail(NamedTuple):
    """The end of a partition's state topic, which may hold skip orders that the partition has not read.

    An order is for the batch that blocks the partition, so its offset is higher than that of the last flush
    with counted records.
    """

    next: int
    """Source offset up to which that flush counted."""
    begin: int
    """Offset in the state topic at or before the first possible order."""
    unstored: int
    """Offset in the state topic at or before the first record that is neither in a database with that flush nor carried out."""


class KafkaCheckpointStore:
    """A store of entities, panes and checkpoints in compacted topics.

    `stamp` returns the timestamp of written records in ms. The broker refuses one that is far ahead of its clock.
    `local` has the databases of entities on disk, None if entities are kept in memory.
    """

    def __init__(
        self,
        settings: Settings,
        stamp: Callable[[], int] = wall_ms,
        local: "LocalState | None" = None,
    ) -> None:
        self.settings = settings
        self.local = local
        self._stamp = stamp
        self.options = client_options(settings.kafka)
        self._producers: dict[PartitionTask, AIOKafkaProducer] = {}
        self._forwarder: AIOKafkaProducer | None = None
        self._forwarding = asyncio.Lock()
        self._orders = SkipOrders(settings)
        self._tails: dict[PartitionTask, Tail] = {}
        self._bindings: dict[PartitionTask, TopicBinding] = {}

    async def load(self, partitions: Collection[PartitionTask]) -> None:
        """Fence the former owners, then read the stored state. Raises PreconditionFailed for a missing right."""
        with translated(self.settings.kafka, Operation.READ):
            await asyncio.gather(*(self._open(partition) for partition in partitions))
            restored = await load(partitions, self.settings, self.local)
        for p, ((begin, end), binding) in restored.items():
            self._bindings[p] = binding
            # Databases have no skip orders: they are read again until they are carried out.
            self._tails[p] = Tail(p.next_offset, end, begin if p.skip_orders else end)

    async def read_orders(self, partitions: Collection[PartitionTask]) -> None:
        """Read the skip orders written since the last flush of these partitions that counted records.

        Log failures and retry later.
        """
        try:
            await self._orders.read({p: self._tails[p].begin for p in partitions if p in self._tails})
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("Skip orders could not be read (%r); retrying", error)
            await self._orders.stop()

    async def _open(self, partition: PartitionTask) -> None:
        """Start the producer of a partition, which fences all former ones, before its state is read.

        It is the only one until the partition is closed. A later one would fence an owner that took over after the read.
        """
        try:
            await self._start_producer(partition, TRANSACTION_TIMEOUT)
        except InvalidTransactionTimeout:
            log.warning(
                "The broker's transaction.max.timeout.ms is below 15 minutes, which a rebuild may need"
            )
            await self._producers.pop(partition).stop()
            await self._start_producer(partition, SHORT_TRANSACTION_TIMEOUT)

    async def _start_producer(self, partition: PartitionTask, transaction_timeout: int) -> None:
        name = f"{self.settings.worker.group}-{partition.domain.name}-{partition.number}"
        producer = AIOKafkaProducer(
            **self.options,
            transactional_id=name,
            transaction_timeout_ms=transaction_timeout,
            request_timeout_ms=15_000,
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
        )
        self._producers[partition] = producer
        await producer.start()

    async def rebuild(
        self, partition: PartitionTask, slices: Iterable[RebuiltSlice], prepare: Callable[[], Flush]
    ) -> None:
        """Write the slices of a rebuild, then the flush that `prepare` returns, in one transaction.

        So there is nothing to read of a rebuild that does not end. Raises as `flush` does.
        """
        producer, begun = self._producers[partition], False
        state = self.settings.topics.state(partition.domain.name)
        for part in slices:
            with translated(self.settings.kafka, Operation.WRITE):
                async with asyncio.timeout(FLUSH_TIMEOUT):
                    await self._forward(part.forwards)
                    if part.state and not begun:
                        begun = True
                        await producer.begin_transaction()
                    batches = build_batches(producer, part.state, repeat((self._stamp(), [])))
                    written = await send_batches(
                        producer, ((state, partition.number, batch) for batch in batches)
                    )
                    self._bindings[partition].check_written(written)
            await asyncio.sleep(0)  # a slice without changes does not let the event loop go
        await self.flush(partition, prepare(), begun=begun)

    async def flush(self, partition: PartitionTask, flush: Flush, *, begun: bool = False) -> None:
        """Send forwards, then write the rest in one transaction that ends with the checkpoint, at last to local disk.

        `begun`: the transaction has begun. Raises PreconditionFailed if a topic was replaced, aiokafka's KafkaError,
        TimeoutError and DiskFailed.
        """
        producer, topics, name = self._producers[partition], self.settings.topics, partition.domain.name
        binding = self._bindings[partition]
        upto = flush.checkpoint.next_offset
        stamp = self._stamp()
        now: Iterable[TimestampAndHeaders] = repeat((stamp, []))
        marker = checkpoint_format.encode(flush.checkpoint)
        rows = [*flush.panes, (checkpoint_format.KEY, marker)]
        heads = chain(repeat((stamp, []), len(flush.panes)), [(stamp, binding.headers)])
        batches = [
            *(
                (topics.state(name), partition.number, batch)
                for batch in build_batches(producer, flush.state, now)
            ),
            *(
                (topics.panes(name), partition.number, batch)
                for batch in build_batches(producer, rows, heads)
            ),
            *(
                (topics.comments, partition.number, batch)
                for batch in build_batches(producer, flush.comments, now)
            ),
        ]
        with translated(self.settings.kafka, Operation.WRITE):
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await self._forward(flush.forwards)
                batches += await address(producer, topics, flush.dead_letters, self._stamp())
                if not begun:
                    await producer.begin_transaction()
                written = await send_batches(producer, batches)
                binding.check_written(written)
                await producer.commit_transaction()
        begin = [offset for topic, offset in written if topic == topics.state(name)]
        if begin and (tail := self._tails.get(partition)) is not None and upto > tail.next:
            self._tails[partition] = Tail(upto, begin[-1], begin[-1])
        if self.local is not None:
            self.local.commit(partition, marker, self._tails[partition].unstored)

    async def _forward(self, outgoing: list[OutgoingRecord]) -> None:
        """Send misrouted records and derived events outside the transaction and wait until they are stored.

        A worker killed inside a transaction would block every reader of the inputs. A record that is sent
        again after a crash is a duplicate by its deduplication key. The lock serializes flushes, because
        aiokafka fails all but the first few of several callers that wait to send to the same partition,
        however short the wait.
        """
        if not outgoing:
            return
        async with self._forwarding:
            if self._forwarder is None:
                self._forwarder = AIOKafkaProducer(
                    **self.options,
                    enable_idempotence=True,
                    request_timeout_ms=15_000,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=REQUEST_BYTES,
                )
                await self._forwarder.start()
            batches = await address(self._forwarder, self.settings.topics, outgoing, self._stamp())
            await send_batches(self._forwarder, batches)

    async def close(self, partition: PartitionTask) -> None:
        """Stop the producer of a partition and close its database."""
        self._tails.pop(partition, None)
        self._bindings.pop(partition, None)
        if self.local is not None:
            self.local.close(partition)
        if (producer := self._producers.pop(partition, None)) is not None:
            await producer.stop()

    async def stop(self) -> None:
        """Stop the producer of forwards and the reader of skip orders."""
        await self._orders.stop()
        if self.local is not None:
            self.local.stop()
        if self._forwarder is not None:
            await self._forwarder.stop()
            self._forwarder = None
