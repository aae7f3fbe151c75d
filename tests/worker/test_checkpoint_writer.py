"""Letters on their way: to partitions that are there, and from many flushes at once."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator

from stream.config import Settings
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.checkpoint import Checkpoint
from stream.worker import checkpoint_writer as stores
from tests.support import aggregation_config

SENT: list[tuple[str, int, int]] = []
"""Topic, partition and number of records of each batch that arrived."""
GRAVES = 3


class Producer:
    """aiokafka's own queue of batches; a broker that takes one batch a partition every millisecond."""

    def __init__(self, max_batch_size: int = 16_384, **_: Any) -> None:
        self._queue = MessageAccumulator(
            ClusterMetadata(), max_batch_size, 0, 30, loop=asyncio.get_running_loop()
        )
        self._broker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await asyncio.sleep(0.01)
        self._broker = asyncio.create_task(self._drain())

    async def stop(self) -> None:
        if self._broker is not None:
            self._broker.cancel()

    async def _drain(self) -> None:
        while True:
            await asyncio.sleep(0.001)
            for tp in list(self._queue._batches):
                batch = self._queue._pop_batch(tp)
                SENT.append((tp.topic, tp.partition, batch.record_count))
                batch.done(0)

    def create_batch(self) -> BatchBuilder:
        return self._queue.create_builder()

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(GRAVES if topic == "cx.deadletter" else 12))

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        assert self._broker is not None
        assert partition in await self.partitions_for(topic)
        return await self._queue.add_batch(batch, TopicPartition(topic, partition), 15)

    async def begin_transaction(self) -> None:
        """Nothing to do."""

    async def commit_transaction(self) -> None:
        """Nothing to do."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> stores.KafkaCheckpointStore:
    monkeypatch.setattr(stores, "AIOKafkaProducer", Producer)
    SENT.clear()
    return stores.KafkaCheckpointStore(Settings())


async def flushed(store: stores.KafkaCheckpointStore, flushes: list[Flush]) -> None:
    """Each of another partition, all at once."""
    owned_task = [
        PartitionTask(Feedback(), number, 12, aggregation_config()) for number in range(len(flushes))
    ]
    await asyncio.gather(*(store._open(partition) for partition in owned_task))
    await asyncio.gather(*(store.flush(*each) for each in zip(owned_task, flushes, strict=True)))
    await asyncio.gather(*(store.close(partition) for partition in owned_task))
    await store.stop()


async def test_forwards_of_many_flushes_to_one_partition(store: stores.KafkaCheckpointStore) -> None:
    """A publisher that hashes keys otherwise: every partition has much for the same other one, none fails."""
    letter = OutgoingRecord("feedback", 11, b"k", bytes(100_000), 7, [("cx_forwarded", b"1")])
    await flushed(store, [Flush([letter] * 100, [], [], [], Checkpoint())] * 8)
    assert sum(n for topic, number, n in SENT if (topic, number) == ("cx.feedback", 11)) == 800


async def test_dead_letters_have_partitions_of_their_own_number(store: stores.KafkaCheckpointStore) -> None:
    """Fewer than the inputs: that is no reason to refuse the topic, so letters go where there is a partition."""
    letters = [
        OutgoingRecord("", None, key, None, None, []) for key in (None, *(b"%d" % n for n in range(50)))
    ]
    await flushed(store, [Flush([], letters, [], [], Checkpoint())])
    found = [(number, n) for topic, number, n in SENT if topic == "cx.deadletter"]
    assert sum(n for _, n in found) == 51
    assert {number for number, _ in found} == set(range(GRAVES))


async def test_a_letter_larger_than_a_batch(store: stores.KafkaCheckpointStore) -> None:
    """It is a batch of its own, between others."""
    values = [b"a", bytes(stores.BATCH_BYTES), b"b"]
    await flushed(
        store,
        [
            Flush(
                [],
                [OutgoingRecord("", 0, None, v, None, [("x", b"y")]) for v in values],
                [],
                [],
                Checkpoint(),
            )
        ],
    )
    assert sum(n for topic, _, n in SENT if topic == "cx.deadletter") == 3
