"""Panes and checkpoints read from Apache Kafka, written in transactions as workers do."""

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
from tests.exporter.in_memory import NPS_SERIES, Worker, answers, refresh
from tests.support import NOW, FakeRecord

pytestmark = pytest.mark.kafka


@pytest.fixture
async def settings(kafka: str) -> Settings:
    """Return settings with separate topics of one partition."""
    env = {
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CXGAUGE_TOPICS_STATE_PREFIX": f"r-{uuid4().hex[:8]}",
        "CXGAUGE_TOPICS_PARTITIONS": "1",
    }
    new_settings = load(None, env)
    await create(new_settings, [spec for spec in topics(new_settings) if ".panes." in spec.name])
    return new_settings


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Yield a producer with a transactional ID."""
    new_producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, transactional_id=settings.topics.state_prefix
    )
    await new_producer.start()
    yield new_producer
    await new_producer.stop()


class ReadingExporter:
    """An exporter with its reader."""

    def __init__(self, settings: Settings) -> None:
        self.exporter = ExporterState(settings)
        self.reader = PaneReader(settings)

    async def read_once(self, moment: int = NOW) -> list[PaneBatch]:
        """Read and apply once."""
        batches = await self.reader.read(200, moment)
        for batch in batches:
            for _ in self.exporter.apply(batch, monotonic_ms=0, wall_ms=moment):
                pass
        return batches

    async def read_until(self, score: float, moment: int = NOW) -> list[PaneBatch]:
        """Read until every partition is covered and the score is served, and return the batches of feedback."""
        batches: list[PaneBatch] = []
        async with asyncio.timeout(30):
            while True:
                series = refresh(self.exporter)
                if series.get(NPS_SERIES) == score and series["cx_partitions_covered"] == 3:
                    break
                batches += await self.read_once(moment)
        return [batch for batch in batches if batch.partition.domain == "feedback"]


@pytest.fixture
async def reading_exporter(settings: Settings) -> AsyncIterator[ReadingExporter]:
    """Yield an exporter that reads."""
    exporter = ReadingExporter(settings)
    await exporter.reader.start()
    yield exporter
    await exporter.reader.stop()


async def write(producer: AIOKafkaProducer, settings: Settings, written: dict[str, list[FakeRecord]]) -> None:
    """Send the records and wait for their acknowledgements."""
    for domain, rows in written.items():
        topic = settings.topics.panes(domain)  # type: ignore[arg-type]
        for future in [await producer.send(topic, row.value, row.key, 0) for row in rows]:
            await future


async def test_only_committed_transactions_are_served(
    settings: Settings, producer: AIOKafkaProducer, reading_exporter: ReadingExporter
) -> None:
    """Open and aborted transactions change nothing, a committed one is applied at once."""
    worker = Worker(reading_exporter.exporter)
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 10)))
    await reading_exporter.read_until(100)
    aborted = Worker(reading_exporter.exporter)
    await producer.begin_transaction()
    await write(producer, settings, aborted(answers(9, 0)))
    assert await reading_exporter.read_once() == []
    await producer.abort_transaction()
    async with producer.transaction():
        await write(producer, settings, worker(answers(1, 0)))
    await reading_exporter.read_until(50)
    assert reading_exporter.exporter.unready_reason(0) == ""


async def test_a_restarted_reader_resumes_at_its_position(
    settings: Settings, producer: AIOKafkaProducer, reading_exporter: ReadingExporter
) -> None:
    """After a reconnect nothing is read twice or missed."""
    worker = Worker(reading_exporter.exporter)
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 10)))
    await reading_exporter.read_until(100)
    await reading_exporter.reader.stop()
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 0)))
    await reading_exporter.reader.start()
    batches = await reading_exporter.read_until(0)
    assert not any(batch.from_beginning for batch in batches)
    assert min(batch.records[0].offset for batch in batches) > 0  # type: ignore[attr-defined]


async def test_after_a_long_pause_partitions_are_read_from_the_beginning(
    settings: Settings, producer: AIOKafkaProducer, reading_exporter: ReadingExporter
) -> None:
    """Deletions may have been missed, so the partition is read from its beginning."""
    worker = Worker(reading_exporter.exporter)
    async with producer.transaction():
        await write(producer, settings, worker(answers(3, 10)))
    await reading_exporter.read_until(100)
    async with producer.transaction():
        later = worker(answers(1, 0), clock=NOW + REREAD_AFTER + 1)
        await write(producer, settings, {"feedback": later["feedback"]})
    first, *rest = await reading_exporter.read_until(50, NOW + REREAD_AFTER + 1)
    assert (first.from_beginning, first.records[0].offset) == (True, 0)  # type: ignore[attr-defined]
    assert not any(batch.from_beginning for batch in rest)


async def test_after_a_suspension_records_are_not_taken_as_new(
    settings: Settings, producer: AIOKafkaProducer, reading_exporter: ReadingExporter
) -> None:
    """Records found after a suspension may be as old as its start.

    Later the end of the log is trusted again.
    """
    worker = Worker(reading_exporter.exporter)
    for moment, at_end in (
        (NOW, True),
        (NOW + SUSPENDED_AFTER + 1, False),
        (NOW + SUSPENDED_AFTER + SETTLE_TIME + 1, True),
    ):
        async with producer.transaction():
            await write(producer, settings, worker(answers(1, 10, at=moment)))
        batches: list[PaneBatch] = []
        async with asyncio.timeout(30):
            while not batches:
                batches = await reading_exporter.read_once(moment)
        assert {batch.at_end for batch in batches} == {at_end}


async def test_at_the_end_of_the_log_the_checkpoint_counts_as_new(
    settings: Settings, producer: AIOKafkaProducer, reading_exporter: ReadingExporter
) -> None:
    """The newest checkpoint at the end of the log counts from its receipt, however old it is."""
    worker = Worker(reading_exporter.exporter)
    for _ in range(3):
        async with producer.transaction():
            await write(producer, settings, worker(answers(1, 10), clock=NOW - 60_000))
    batches = await reading_exporter.read_until(100)
    assert batches[-1].at_end
    assert reading_exporter.exporter.unready_reason(0) == ""
