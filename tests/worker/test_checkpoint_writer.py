"""Records sent by flushes: to existing partitions, and from many flushes at once."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator

from stream.config import Settings
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.pane_blocks import Row
from stream.errors import PreconditionFailed
from stream.kafka.admin import create
from stream.kafka.client import running
from stream.kafka.metadata import NO_ID
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.kafka.topics import topics
from stream.worker import checkpoint_writer as stores
from stream.worker.topic_binding import TopicBinding
from tests.chaos.cluster import ChaosCluster
from tests.support import aggregation_config

SENT_BATCHES: list[tuple[str, int, int]] = []
"""Topic, partition and number of records of each sent batch."""
DEADLETTER_PARTITIONS = 3


class FakeProducer:
    """A producer with aiokafka's queue of batches, which sends one batch per partition every millisecond."""

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
                SENT_BATCHES.append((tp.topic, tp.partition, batch.record_count))
                batch.done(0)

    def create_batch(self) -> BatchBuilder:
        return self._queue.create_builder()

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(DEADLETTER_PARTITIONS if topic == "cx.deadletter" else 12))

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        assert self._broker is not None
        assert partition in await self.partitions_for(topic)
        return await self._queue.add_batch(batch, TopicPartition(topic, partition), 15)

    async def begin_transaction(self) -> None:
        """Nothing to do."""

    async def commit_transaction(self) -> None:
        """Nothing to do."""


class FencedProducer(FakeProducer):
    """A producer that has one transaction at a time, and commits unless another one of its ID was started after it."""

    newest: ClassVar[dict[str, "FencedProducer"]] = {}

    def __init__(self, transactional_id: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._id = transactional_id
        self._is_in_transaction = False

    async def start(self) -> None:
        self.newest[self._id] = self
        await super().start()

    async def begin_transaction(self) -> None:
        assert not self._is_in_transaction
        self._is_in_transaction = True

    async def commit_transaction(self) -> None:
        assert self._is_in_transaction
        self._is_in_transaction = False
        if self.newest[self._id] is not self:
            raise ProducerFenced


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> stores.KafkaCheckpointStore:
    monkeypatch.setattr(stores, "AIOKafkaProducer", FakeProducer)
    SENT_BATCHES.clear()
    return stores.KafkaCheckpointStore(Settings())


async def run_flushes(store: stores.KafkaCheckpointStore, flushes: list[Flush]) -> None:
    """Run flushes of different partitions concurrently."""
    tasks = [PartitionTask(Feedback(), number, 12, aggregation_config()) for number in range(len(flushes))]
    await asyncio.gather(*(store._open(task) for task in tasks))
    for task in tasks:
        store._bindings[task] = TopicBinding(task.number, "cx.state.feedback", NO_ID, {})
    await asyncio.gather(
        *(store.flush(*task_and_flush) for task_and_flush in zip(tasks, flushes, strict=True))
    )
    await asyncio.gather(*(store.close(task) for task in tasks))
    await store.stop()


async def test_forwards_of_many_flushes_to_one_partition(store: stores.KafkaCheckpointStore) -> None:
    """A publisher with another hash causes many forwards to one partition, and none fails."""
    outgoing = OutgoingRecord("feedback", 11, b"k", bytes(100_000), 7, [("cx_forwarded", b"1")])
    await run_flushes(store, [Flush([outgoing] * 100, [], [], [], Checkpoint())] * 8)
    assert sum(n for topic, number, n in SENT_BATCHES if (topic, number) == ("cx.feedback", 11)) == 800


async def test_dead_letters_have_partitions_of_their_own_number(store: stores.KafkaCheckpointStore) -> None:
    """The topic may have fewer partitions than the inputs."""
    dead_letters = [
        OutgoingRecord("", None, key, None, None, []) for key in (None, *(b"%d" % n for n in range(50)))
    ]
    await run_flushes(store, [Flush([], dead_letters, [], [], Checkpoint())])
    sent = [(number, n) for topic, number, n in SENT_BATCHES if topic == "cx.deadletter"]
    assert sum(n for _, n in sent) == 51
    assert {number for number, _ in sent} == set(range(DEADLETTER_PARTITIONS))


async def test_a_record_larger_than_a_batch_is_sent_alone(store: stores.KafkaCheckpointStore) -> None:
    """It is a separate batch, between others."""
    values = [b"a", bytes(stores.BATCH_BYTES), b"b"]
    await run_flushes(
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
    assert sum(n for topic, _, n in SENT_BATCHES if topic == "cx.deadletter") == 3


async def test_a_rebuild_does_not_fence_an_owner_that_took_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the former owner has read no longer holds, so that it must not write, however late its first change comes."""
    monkeypatch.setattr(stores, "AIOKafkaProducer", FencedProducer)
    former, owner = (stores.KafkaCheckpointStore(Settings()) for _ in range(2))
    task = PartitionTask(Feedback(), 0, 12, aggregation_config())
    for store in (former, owner):
        store._bindings[task] = TopicBinding(0, "cx.state.feedback", NO_ID, {})
        await store._open(task)
    slices = [RebuiltSlice([], []), RebuiltSlice([], [(b"a", b"")]), RebuiltSlice([], [(b"c", b"")])]
    flush = Flush([], [], [(b"b", b"")], [], task.checkpoint)
    with pytest.raises(ProducerFenced):
        await former.rebuild(task, slices, lambda: flush)
    await owner.rebuild(task, slices, lambda: flush)
    await owner.flush(task, flush)
    for store in (former, owner):
        await store.close(task)
        await store.stop()


async def test_a_rebuild_forwards_first_and_refuses_a_topic_that_was_replaced(
    store: stores.KafkaCheckpointStore,
) -> None:
    """The new topic begins at offset 0, where the former one had records."""
    task = PartitionTask(Feedback(), 0, 12, aggregation_config())
    await store._open(task)
    store._bindings[task] = TopicBinding(0, "cx.state.feedback", NO_ID, {"cx.state.feedback": 7})
    part = RebuiltSlice([OutgoingRecord("customers", 3, b"k", b"", 7, [])], [(b"a", b"")])
    with pytest.raises(PreconditionFailed, match=r"cx.state.feedback partition 0: .*had records up to"):
        await store.rebuild(task, [part], lambda: Flush([], [], [], [], task.checkpoint))
    assert SENT_BATCHES == [("cx.customers", 3, 1), ("cx.state.feedback", 0, 1)]
    await store.close(task)
    await store.stop()


@pytest.mark.kafka
async def test_a_rebuild_is_one_transaction(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also with a broker that allows short transactions only. Later flushes work."""
    monkeypatch.setattr(stores, "TRANSACTION_TIMEOUT", (1 << 31) - 1)
    settings = ChaosCluster(kafka, tmp_path).settings
    await create(settings, topics(settings))
    store, task = stores.KafkaCheckpointStore(settings), PartitionTask(Feedback(), 0, 4, aggregation_config())
    state = TopicPartition(settings.topics.state("feedback"), 0)

    async def read() -> list[bytes]:
        async with running(committed_consumer(settings.kafka)) as consumer:
            ranges = await assign(consumer, [state])
            return [record.key async for _, records in read_ranges(consumer, ranges) for record in records]

    rows: list[list[Row]] = [[], [(b"a", b"")], [], [(b"b", b"")]]
    slices = [RebuiltSlice([], part) for part in rows]
    store._bindings[task] = TopicBinding(0, state.topic, NO_ID, {})
    await store._open(task)
    await store.rebuild(task, slices, lambda: Flush([], [], [(b"c", b"")], [], task.checkpoint))
    assert "transaction.max.timeout.ms" in caplog.text
    assert await read() == [b"a", b"b", b"c"]
    await store.flush(task, Flush([], [], [(b"d", b"")], [], task.checkpoint))
    assert await read() == [b"a", b"b", b"c", b"d"]
    await store.close(task)
    await store.stop()
