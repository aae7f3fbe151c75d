"""Dead letters as workers write them, in a topic of the test."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from click.testing import CliRunner

from stream.core.aggregation.outgoing import OutgoingRecord, to_dead_letter
from tests.support import NOW, FakeRecord

PublishDeadLetters = Callable[..., None]


class DeadLetterRecord(NamedTuple):
    """A record that became a dead letter, with its source, reason, and position."""

    record: FakeRecord
    reason: str = "invalid"
    detail: str = "data.score: expected an integer, got '9'"
    topic: str = "cx.feedback"
    source_partition: int = 1
    partition: int = 0
    dead_lettered_at: int | None = None

    def outgoing(self) -> OutgoingRecord:
        return to_dead_letter(self.record, self.topic, self.source_partition, self.reason, self.detail)


def answer(customer_id: str, offset: int, key: str | None = "", **fields: Any) -> FakeRecord:
    """Return a record with an invalid answer: its score is a string."""
    data = {"feedback_id": f"f-{offset}", "survey": "nps", "score": "9", "customer_id": customer_id, **fields}
    event = {
        "id": str(offset),
        "type": "cx.feedback.submitted.v1",
        "time": "2026-09-21T14:13:20Z",
        "data": data,
    }
    raw = None if key is None else (key or customer_id).encode()
    return FakeRecord(offset, NOW, raw, json.dumps(event).encode(), [("origin", b"test")])


@pytest.fixture
def publish_dead_letters(environ: dict[str, str], runner: CliRunner) -> PublishDeadLetters:
    """`publish_dead_letters(DeadLetterRecord(...), ...)` writes them in one committed transaction."""
    del runner  # it makes the topics
    topic, servers = environ["CXGAUGE_TOPICS_DEADLETTER"], environ["CXGAUGE_KAFKA_BOOTSTRAP_SERVERS"]

    async def send(dead_letters: tuple[DeadLetterRecord, ...]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=topic)
        ends: dict[TopicPartition, int] = {}
        async with producer, producer.transaction():
            for dead_letter in dead_letters:
                outgoing = dead_letter.outgoing()
                metadata = await producer.send_and_wait(
                    topic,
                    outgoing.value,
                    key=outgoing.key,
                    partition=dead_letter.partition,
                    timestamp_ms=dead_letter.dead_lettered_at,
                    headers=outgoing.headers,
                )
                ends[metadata.topic_partition] = (
                    metadata.offset + 2
                )  # the end of a transaction takes an offset, too
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
        async with consumer, asyncio.timeout(30):
            while await consumer.end_offsets(list(ends)) != ends:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)

    return lambda *dead_letters: asyncio.run(send(dead_letters))
