"""The connection to Kafka: a record that may not be stored is never acknowledged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.intake import sink as sink_module
from stream.intake.decoding import OutgoingEvent
from stream.intake.memory import MemoryBudget
from stream.intake.problem import ProblemError
from stream.intake.sink import KafkaSink
from stream.kafka.metadata import ClusterTopics, TopicMetadata
from stream.kafka.rights import Operation

RECORD = OutgoingEvent(("feedback",), b"k", b"v", 0, ())
TOPICS = ["cx.feedback", "cx.tickets", "cx.customers", "cx.deadletter"]


class FakeProducer:
    """A producer whose futures the test decides."""

    instances: list["FakeProducer"]
    topics = TOPICS
    operations = 1 << Operation.WRITE
    start_error: Exception | None = None

    def __init__(self, **settings: Any) -> None:
        assert settings["enable_idempotence"]
        assert settings["acks"] == "all"
        self.futures: list[asyncio.Future[None]] = []
        self.sent: list[Any] = []
        self.is_stopped = False
        self._sender = None
        self.client = SimpleNamespace(close=self._close)
        self.instances.append(self)

    async def start(self) -> None:
        if self.start_error:
            raise self.start_error

    async def _close(self) -> None:
        self.is_stopped = True

    async def stop(self) -> None:
        self.is_stopped = True

    async def send(self, topic: str, value: bytes, **record: Any) -> "asyncio.Future[None]":
        self.sent.append((topic, value, record))
        future = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        return future


@pytest.fixture
async def producers(monkeypatch: pytest.MonkeyPatch) -> type[FakeProducer]:
    """The class of the producers, which keeps its instances."""
    fresh = type("Fake", (FakeProducer,), {"instances": []})
    monkeypatch.setattr(sink_module, "AIOKafkaProducer", fresh)
    monkeypatch.setattr(sink_module, "RETRY_INTERVAL", 0.01)

    async def cluster_topics(_: Any, names: list[str]) -> ClusterTopics:
        existing = {
            name: TopicMetadata(b"", 1, 1, fresh.operations) for name in names if name in fresh.topics
        }
        return ClusterTopics(existing, frozenset(set(names) - set(existing)), frozenset())

    monkeypatch.setattr(sink_module, "cluster_topics", cluster_topics)
    return fresh


@pytest.fixture
async def sink(producers: type[FakeProducer]) -> AsyncIterator[KafkaSink]:
    """A sink that is connected."""
    sink = KafkaSink(Settings())
    running = asyncio.create_task(sink.run())
    await until(lambda: not sink.reason)
    yield sink
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def sending(sink: KafkaSink, budget: MemoryBudget, count: int = 2) -> "asyncio.Task[None]":
    async def send() -> None:
        with budget.reserve(1_000) as reservation:
            await sink.send([RECORD] * count, reservation)

    return asyncio.create_task(send())


async def test_all_records_must_be_acknowledged(sink: KafkaSink, producers: type[FakeProducer]) -> None:
    budget = MemoryBudget()
    task = sending(sink, budget)
    (producer,) = producers.instances
    await until(lambda: len(producer.futures) == 2)
    producer.futures[0].set_result(None)
    assert not (await asyncio.wait([task], timeout=0.05))[0]
    assert budget.reserved > 0
    producer.futures[1].set_result(None)
    await task
    await until(lambda: budget.reserved == 0)
    assert producer.sent[0] == (
        "cx.feedback",
        b"v",
        {"key": b"k", "timestamp_ms": 0, "headers": []},
    )


async def test_after_a_failure_the_producer_is_replaced(
    sink: KafkaSink, producers: type[FakeProducer]
) -> None:
    """Other requests that wait for it are answered, too."""
    budget = MemoryBudget()
    failing, waiting = sending(sink, budget), sending(sink, budget)
    await until(lambda: len(producers.instances[0].futures) == 4)
    producers.instances[0].futures[0].set_result(None)
    producers.instances[0].futures[1].set_exception(OutOfOrderSequenceNumber())
    for task in (failing, waiting):
        with pytest.raises(ProblemError) as caught:
            await task
        assert caught.value.status == 503
    assert producers.instances[0].is_stopped
    await until(lambda: len(producers.instances) == 2 and not sink.reason)
    await until(lambda: budget.reserved == 0)


async def test_a_silent_broker(
    sink: KafkaSink, producers: type[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory stays reserved, and readiness fails, until the record is stored."""
    monkeypatch.setattr(sink_module, "ACK_TIMEOUT", 0.05)
    budget = MemoryBudget()
    with pytest.raises(ProblemError, match="did not acknowledge"):
        await sending(sink, budget, 1)
    assert budget.reserved > 0
    await until(lambda: sink.reason.startswith("Kafka has not acknowledged 1 records"))
    producers.instances[0].futures[0].set_result(None)
    await until(lambda: not sink.reason and budget.reserved == 0)
    assert len(producers.instances) == 1


async def test_missing_topics_are_waited_for(producers: type[FakeProducer]) -> None:
    producers.topics = TOPICS[:2]
    sink = KafkaSink(Settings())
    running = asyncio.create_task(sink.run())
    await until(lambda: sink.reason.startswith("missing topics: cx.customers, cx.deadletter; create them"))
    with pytest.raises(ProblemError, match="missing topics"):
        await sending(sink, MemoryBudget())
    producers.topics = TOPICS
    producers.start_error = KafkaConnectionError()
    await until(lambda: sink.reason == "broker 127.0.0.1:9092 cannot be reached: KafkaConnectionError")
    producers.start_error = None
    await until(lambda: not sink.reason)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert all(producer.is_stopped for producer in producers.instances)


async def test_a_topic_that_may_not_be_written_ends_it(producers: type[FakeProducer]) -> None:
    """As every service and command."""
    producers.operations = 1 << Operation.DESCRIBE
    with pytest.raises(PreconditionFailed, match="User:ANONYMOUS lacks Write on topic cx"):
        await KafkaSink(Settings()).run()
    assert producers.instances[0].is_stopped
