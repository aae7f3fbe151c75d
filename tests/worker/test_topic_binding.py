"""State and panes that are deleted and created again between two flushes, before the watch over topics notices."""

import asyncio
from pathlib import Path
from typing import Any, Self

import pytest
from aiokafka import TopicPartition

from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.checkpoint import Checkpoint
from stream.errors import PreconditionFailed
from stream.kafka.client import running
from stream.kafka.metadata import NO_ID, topic_ids
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.worker.checkpoint_writer import KafkaCheckpointStore
from stream.worker.topic_binding import TopicBinding
from tests.chaos.cluster import ChaosCluster
from tests.golden.files import CURRENT, golden
from tests.support import aggregation_config
from tests.worker.test_topic_changes import change

ENTITIES = [(key, value) for key, value, _ in golden(CURRENT / "feedback" / "a-answer.json")]
BLOCKS = [(key, value) for key, value, _ in golden(CURRENT / "feedback" / "panes.json")]


class Owner:
    """An owner of partition 0 of feedback, without a worker around it."""

    def __init__(self, cluster: ChaosCluster) -> None:
        partitions = cluster.settings.topics.partitions
        self.store = KafkaCheckpointStore(cluster.settings)
        self.task = PartitionTask(Feedback(), 0, partitions, aggregation_config())
        self._partitions = partitions

    async def load(self) -> None:
        await self.store.load([self.task])

    async def flush(self, entities: int = len(ENTITIES)) -> None:
        checkpoint = Checkpoint(
            version=self.task.checkpoint.version, partitions=self._partitions, written_at=1
        )
        await self.store.flush(self.task, Flush([], [], ENTITIES[:entities], BLOCKS, checkpoint))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close(self.task)
        await self.store.stop()


async def committed(cluster: ChaosCluster, topic: str) -> list[Any]:
    """Return the committed records of partition 0."""
    tp = TopicPartition(topic, 0)
    async with running(committed_consumer(cluster.settings.kafka)) as consumer:
        ranges = await assign(consumer, [tp])
        return [record async for _, records in read_ranges(consumer, ranges) for record in records]


async def _refuse_load(cluster: ChaosCluster, name: str) -> None:
    async with Owner(cluster) as successor:
        with pytest.raises(PreconditionFailed, match=f"{name} partition 0: .*deleted and created again"):
            await successor.load()


async def _replace_between_flushes(cluster: ChaosCluster, kind: str) -> None:
    name = f"{cluster.settings.topics.state_prefix}.{kind}.feedback"
    async with Owner(cluster) as owner:
        await owner.load()
        await owner.flush()
        state = cluster.settings.topics.state("feedback")
        ids = await topic_ids(cluster.settings.kafka, [state])
        checkpoint = (await committed(cluster, cluster.settings.topics.panes("feedback")))[-1]
        assert checkpoint.headers == (("cx_state_topic", ids[state]),)
        await change(cluster, name, remake=True)
        with pytest.raises(PreconditionFailed, match=f"{name} partition 0: .*deleted and created again"):
            await owner.flush()
    await _refuse_load(cluster, name)
    await _refuse_load(cluster, name)
    assert not await committed(cluster, name)


@pytest.mark.kafka
@pytest.mark.parametrize("kind", ["state", "panes"])
def test_a_flush_into_a_topic_that_was_replaced_is_refused(kafka: str, tmp_path: Path, kind: str) -> None:
    """Nothing is committed to the new topic, and later owners refuse it, too: it has the records of the refused flush."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        asyncio.run(_replace_between_flushes(cluster, kind))


async def _replace_after_a_flush_without_entities(cluster: ChaosCluster) -> None:
    name = cluster.settings.topics.state("feedback")
    async with Owner(cluster) as owner:
        await owner.load()
        await owner.flush(entities=0)
        await change(cluster, name, remake=True)
        await owner.flush()
    assert len(await committed(cluster, name)) == len(ENTITIES)
    await _refuse_load(cluster, name)


@pytest.mark.kafka
def test_a_replaced_topic_with_a_committed_flush_is_refused(kafka: str, tmp_path: Path) -> None:
    """The offset of the first records of a topic tells nothing. Its ID in the checkpoint does."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        asyncio.run(_replace_after_a_flush_without_entities(cluster))


def binding(state_id: bytes = b"1" * 16) -> TopicBinding:
    """Return the binding of a partition whose state ends at 10, whose panes at 20."""
    return TopicBinding(3, "cx.state.tickets", state_id, {"cx.state.tickets": 10, "cx.panes.tickets": 20})


def test_writes_continue_where_the_last_ones_ended() -> None:
    """Other topics begin anywhere. A broker may have forgotten the offset of a repeated batch."""
    bound = binding()
    bound.check_written([("cx.state.tickets", 10), ("cx.panes.tickets", -1), ("cx.deadletter", 0)])
    with pytest.raises(
        PreconditionFailed, match=r"cx.state.tickets partition 3: ended at offset 10, but had"
    ):
        bound.check_written([("cx.state.tickets", 10)])
    with pytest.raises(
        PreconditionFailed, match=r"cx.panes.tickets partition 3: ended at offset 0, .* offset 20"
    ):
        bound.check_written([("cx.panes.tickets", 0)])


def test_ids_are_compared_if_both_are_known() -> None:
    """Older versions name no topic, and brokers before 2.8 have no IDs."""
    binding().check_state(b"")
    binding().check_state(b"1" * 16)
    binding(NO_ID).check_state(b"2" * 16)
    assert binding(NO_ID).headers == []
    with pytest.raises(PreconditionFailed, match=r"cx.state.tickets partition 3: is not the topic"):
        binding().check_state(b"2" * 16)
