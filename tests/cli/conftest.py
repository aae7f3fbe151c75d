"""What tests of commands share: topics of their own on the broker, and what was sent to them."""

import asyncio
import uuid
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from click.testing import CliRunner

from stream.cli import main


@pytest.fixture
def environ(kafka: str) -> dict[str, str]:
    """A configuration with topics of its own, which nobody has made yet."""
    own = uuid.uuid4().hex[:8]
    names = {
        f"CXGAUGE_TOPICS_{name.upper()}": f"{own}.{name}"
        for name in ("feedback", "tickets", "customers", "deadletter")
    }
    return {
        **names,
        "CXGAUGE_TOPICS_STATE_PREFIX": own,
        "CXGAUGE_TOPICS_PARTITIONS": "2",
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": kafka,
    }


@pytest.fixture
def runner(environ: dict[str, str]) -> CliRunner:
    """A runner under that configuration, its topics made and kept for ever."""
    runner = CliRunner(env=environ | {"CXGAUGE_TOPICS_RETENTION": "-1"})
    assert runner.invoke(main, ["topics", "create"]).exit_code == 0
    return runner


@pytest.fixture
def sent(environ: dict[str, str]) -> Callable[[str], list[ConsumerRecord]]:
    """`sent("feedback")`: the records of an input, partition by partition."""

    async def read(topic: str) -> list[ConsumerRecord]:
        partitions = [TopicPartition(topic, number) for number in range(2)]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=environ["CXGAUGE_KAFKA_BOOTSTRAP_SERVERS"], auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: dict[TopicPartition, list[ConsumerRecord]] = {tp: [] for tp in partitions}
            while sum(map(len, records.values())) < sum(ends.values()):
                for tp, batch in (await consumer.getmany(timeout_ms=500)).items():
                    records[tp] += batch
            return [record for tp in partitions for record in records[tp]]
        finally:
            await consumer.stop()

    return lambda domain: asyncio.run(read(environ[f"CXGAUGE_TOPICS_{domain.upper()}"]))
