"""State in Kafka: one transaction a flush and source partition, which fences whoever had it before."""

import asyncio
import logging
from collections.abc import Collection, Iterable
from itertools import repeat
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.topics import DOMAINS, partition_of
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model import checkpoint as markers
from stream.kafka.batches import BATCH_BYTES, AddressedBatch, TimestampAndHeaders, build_batches, send_batches
from stream.kafka.client import client_options
from stream.worker.restore import load
from stream.worker.skip_orders import SkipOrders

log = logging.getLogger(__name__)

REQUEST_BYTES = 8 << 20
FLUSH_TIMEOUT = 45.0
"""Seconds that a flush may take before its outcome is given up as unknown."""


class Tail(NamedTuple):
    """The end of a partition's state in which there may be skip orders that it does not know.

    An order is given for a batch that blocks the partition, so it is behind the last flush that counted anything.
    """

    next: int
    """The source offset up to which that flush counted."""
    begin: int
    """An offset of the state that is not behind it."""


class KafkaCheckpointStore:
    """Entities, panes and markers in compacted topics."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.options = client_options(settings.kafka)
        self._producers: dict[PartitionTask, AIOKafkaProducer] = {}
        self._forwarder: AIOKafkaProducer | None = None
        self._forwarding = asyncio.Lock()
        self._orders = SkipOrders(settings)
        self._tails: dict[PartitionTask, Tail] = {}

    async def load(self, partitions: Collection[PartitionTask]) -> None:
        """Fence the former owners, then read what they left."""
        await asyncio.gather(*(self._open(partition) for partition in partitions))
        ends = await load(partitions, self.settings)
        self._tails.update((p, Tail(p.next_offset, end)) for p, end in ends.items())

    async def read_orders(self, partitions: Collection[PartitionTask]) -> None:
        """Read what was written to the state of these partitions since they came to where they are."""
        try:
            await self._orders.read({p: self._tails[p].begin for p in partitions if p in self._tails})
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("skip orders cannot be read (%r): trying again", error)
            await self._orders.stop()

    async def _open(self, partition: PartitionTask) -> None:
        name = f"{self.settings.worker.group}-{partition.domain.name}-{partition.number}"
        producer = AIOKafkaProducer(
            **self.options,
            transactional_id=name,
            transaction_timeout_ms=60_000,
            request_timeout_ms=15_000,
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
        )
        self._producers[partition] = producer
        await producer.start()

    async def flush(self, partition: PartitionTask, flush: Flush) -> None:
        """Forwards, on their own and awaited; then the rest in one transaction, the marker last."""
        producer, topics, name = self._producers[partition], self.settings.topics, partition.domain.name
        upto = flush.checkpoint.next_offset
        now: Iterable[TimestampAndHeaders] = repeat((wall_ms(), []))
        rows = [*flush.panes, (markers.KEY, markers.encode(flush.checkpoint))]
        batches = [
            *(
                (topics.state(name), partition.number, batch)
                for batch in build_batches(producer, flush.state, now)
            ),
            *((topics.panes(name), partition.number, batch) for batch in build_batches(producer, rows, now)),
        ]
        async with asyncio.timeout(FLUSH_TIMEOUT):
            await self._forward(flush.forwards)
            batches += await self._batches_of(producer, flush.dead_letters)
            await producer.begin_transaction()
            written = await send_batches(producer, batches)
            await producer.commit_transaction()
        begin = [offset for topic, offset in written if topic == topics.state(name)]
        if begin and (tail := self._tails.get(partition)) is not None and upto > tail.next:
            self._tails[partition] = Tail(upto, begin[-1])

    async def _forward(self, letters: list[OutgoingRecord]) -> None:
        """Outside the transaction: a worker killed inside one would hold up every reader of the inputs.

        A repeat after a crash is a duplicate by its natural key. One flush after the other: of several that wait to
        send to the same partition aiokafka fails all but the first few, however short the wait.
        """
        if not letters:
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
            await send_batches(self._forwarder, await self._batches_of(self._forwarder, letters))

    async def _batches_of(
        self, producer: AIOKafkaProducer, letters: list[OutgoingRecord]
    ) -> list[AddressedBatch]:
        """Letters in batches, each with its topic and partition: without one of its own that of its key."""
        topics = self.settings.topics
        names = {domain: topics.input(domain) for domain in DOMAINS} | {"": topics.deadletter}
        sorted_: dict[tuple[str, int], list[OutgoingRecord]] = {}
        for letter in letters:
            topic, number = names[letter.domain], letter.partition
            if number is None:  # the dead letters may have partitions of their own number
                number = partition_of(letter.key or b"", len(await producer.partitions_for(topic)))
            sorted_.setdefault((topic, number), []).append(letter)
        return [
            (topic, number, batch)
            for (topic, number), some in sorted_.items()
            for batch in build_batches(
                producer,
                [(each.key, each.value) for each in some],
                [(each.timestamp, each.headers) for each in some],
            )
        ]

    async def close(self, partition: PartitionTask) -> None:
        """Let the partition's producer go."""
        self._tails.pop(partition, None)
        if (producer := self._producers.pop(partition, None)) is not None:
            await producer.stop()

    async def stop(self) -> None:
        """Let the forwarder and the reader of orders go."""
        await self._orders.stop()
        if self._forwarder is not None:
            await self._forwarder.stop()
            self._forwarder = None
