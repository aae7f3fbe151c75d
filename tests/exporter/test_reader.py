"""Panes and markers through Apache Kafka, written as workers write them: in transactions."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from stream.config import Settings, load
from stream.exporter.reader import REREAD_AFTER, SETTLE_TIME, SUSPENDED_AFTER, PaneReader
from stream.exporter.state import ExporterState, PaneBatch
from stream.kafka.admin import create
from stream.kafka.topics import topics
from tests.exporter.memory import SHOWN, Worker, answers, refresh
from tests.support import NOW, FakeRecord

pytestmark = pytest.mark.kafka


@pytest.fixture
async def settings(kafka: str) -> Settings:
    """Topics of its own, of one partition."""
    env = {
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CXGAUGE_TOPICS_STATE_PREFIX": f"r-{uuid4().hex[:8]}",
        "CXGAUGE_TOPICS_PARTITIONS": "1",
    }
    made = load(None, env)
    await create(made, [spec for spec in topics(made) if ".panes." in spec.name])
    return made


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Of one transactional id."""
    made = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, transactional_id=settings.topics.state_prefix
    )
    await made.start()
    yield made
    await made.stop()


class Shown:
    """An exporter with its reader."""

    def __init__(self, settings: Settings) -> None:
        self.exporter = ExporterState(settings)
        self.reader = PaneReader(settings)

    async def once(self, wall_ms: int = NOW) -> list[PaneBatch]:
        """One read."""
        batches = await self.reader.read(200, wall_ms)
        for batch in batches:
            for _ in self.exporter.apply(batch, monotonic_ms=0, wall_ms=wall_ms):
                pass
        return batches

    async def shows(self, score: float, wall_ms: int = NOW) -> list[PaneBatch]:
        """Read until the score is that; what came of feedback."""
        batches: list[PaneBatch] = []
        async with asyncio.timeout(30):
            while refresh(self.exporter).get(SHOWN) != score:
                batches += await self.once(wall_ms)
        return [batch for batch in batches if batch.partition.domain == "feedback"]


@pytest.fixture
async def shown(settings: Settings) -> AsyncIterator[Shown]:
    """Reading."""
    made = Shown(settings)
    await made.reader.start()
    yield made
    await made.reader.stop()


async def write(producer: AIOKafkaProducer, settings: Settings, written: dict[str, list[FakeRecord]]) -> None:
    """Send, and wait until it is there."""
    for domain, rows in written.items():
        topic = settings.topics.panes(domain)  # type: ignore[arg-type]
        for future in [await producer.send(topic, row.value, row.key, 0) for row in rows]:
            await future


async def test_only_what_is_committed_is_shown(
    settings: Settings, producer: AIOKafkaProducer, shown: Shown
) -> None:
    """A transaction that is open or was aborted changes nothing, a committed one everything at once."""
    worker = Worker(shown.exporter)
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 10)))
    await shown.shows(100)
    lost = Worker(shown.exporter)
    await producer.begin_transaction()
    await write(producer, settings, lost(answers(9, 0)))
    assert await shown.once() == []
    await producer.abort_transaction()
    async with producer.transaction():
        await write(producer, settings, worker(answers(1, 0)))
    await shown.shows(50)
    assert shown.exporter.unready_reason(0) == ""


async def test_it_goes_on_where_it_was(settings: Settings, producer: AIOKafkaProducer, shown: Shown) -> None:
    """After a new connection nothing is read twice, and nothing is missed."""
    worker = Worker(shown.exporter)
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 10)))
    await shown.shows(100)
    await shown.reader.stop()
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 0)))
    await shown.reader.start()
    batches = await shown.shows(0)
    assert not any(batch.from_beginning for batch in batches)
    assert min(batch.records[0].offset for batch in batches) > 0  # type: ignore[attr-defined]


async def test_after_a_long_pause_it_reads_afresh(
    settings: Settings, producer: AIOKafkaProducer, shown: Shown
) -> None:
    """Deletions may have been missed: the partition is read from its beginning, the figure stays right."""
    worker = Worker(shown.exporter)
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 10)))
    await shown.shows(100)
    async with producer.transaction():
        later = worker(answers(1, 0), clock=NOW + REREAD_AFTER + 1)
        await write(producer, settings, {"feedback": later["feedback"]})
    first, *rest = await shown.shows(50, NOW + REREAD_AFTER + 1)
    assert (first.from_beginning, first.records[0].offset) == (True, 0)  # type: ignore[attr-defined]
    assert not any(batch.from_beginning for batch in rest)


async def test_after_being_stopped_nothing_is_new_at_once(
    settings: Settings, producer: AIOKafkaProducer, shown: Shown
) -> None:
    """What a process finds when it may go on can be as old as its stop; a little later it trusts the end again."""
    worker = Worker(shown.exporter)
    for moment, live in (
        (NOW, True),
        (NOW + SUSPENDED_AFTER + 1, False),
        (NOW + SUSPENDED_AFTER + SETTLE_TIME + 1, True),
    ):
        async with producer.transaction():
            await write(producer, settings, worker(answers(1, 10, at=moment)))
        batches: list[PaneBatch] = []
        async with asyncio.timeout(30):
            while not batches:
                batches = await shown.once(moment)
        assert {batch.at_end for batch in batches} == {live}


async def test_at_the_end_of_the_log_it_is_up_to_date(
    settings: Settings, producer: AIOKafkaProducer, shown: Shown
) -> None:
    """The newest marker, with nothing behind it, counts as received when it comes, however old it is."""
    worker = Worker(shown.exporter)
    for _ in range(3):
        async with producer.transaction():
            await write(producer, settings, worker(answers(1, 10), clock=NOW - 60_000))
    batches = await shown.shows(100)
    assert batches[-1].at_end
    assert shown.exporter.unready_reason(0) == ""
