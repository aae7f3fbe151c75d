"""Dead letters as workers leave them, on topics of their own."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from click.testing import CliRunner

from stream.core.aggregation.outgoing import OutgoingRecord, to_dead_letter
from tests.support import NOW, FakeRecord

Bury = Callable[..., None]


class Buried(NamedTuple):
    """What became a dead letter: the record, its topic and partition, and why."""

    record: FakeRecord
    reason: str = "invalid"
    detail: str = "data.score: expected an integer, got '9'"
    topic: str = "cx.feedback"
    source_partition: int = 1
    partition: int = 0
    at: int | None = None

    def letter(self) -> OutgoingRecord:
        return to_dead_letter(self.record, self.topic, self.source_partition, self.reason, self.detail)


def answer(who: str, offset: int, key: str | None = "", **more: Any) -> FakeRecord:
    """A record that is no usable answer: its score is a text."""
    data = {"feedback_id": f"f-{offset}", "survey": "nps", "score": "9", "customer_id": who, **more}
    event = {
        "id": str(offset),
        "type": "cx.feedback.submitted.v1",
        "time": "2026-09-21T14:13:20Z",
        "data": data,
    }
    raw = None if key is None else (key or who).encode()
    return FakeRecord(offset, NOW, raw, json.dumps(event).encode(), [("origin", b"test")])


@pytest.fixture
def laid(environ: dict[str, str], runner: CliRunner) -> Bury:
    """`laid(Buried(...), ...)`: in the topic of dead letters, in one transaction, for everybody to read."""
    del runner  # it makes the topics
    topic, servers = environ["CXGAUGE_TOPICS_DEADLETTER"], environ["CXGAUGE_KAFKA_BOOTSTRAP_SERVERS"]

    async def send(letters: tuple[Buried, ...]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=topic)
        ends: dict[TopicPartition, int] = {}
        async with producer, producer.transaction():
            for one in letters:
                letter = one.letter()
                sent = await producer.send_and_wait(
                    topic,
                    letter.value,
                    key=letter.key,
                    partition=one.partition,
                    timestamp_ms=one.at,
                    headers=letter.headers,
                )
                ends[sent.topic_partition] = sent.offset + 2  # what ends a transaction is a record too
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
        async with consumer, asyncio.timeout(30):
            while await consumer.end_offsets(list(ends)) != ends:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)

    return lambda *letters: asyncio.run(send(letters))
