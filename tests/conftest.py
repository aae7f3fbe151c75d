"""Fixtures of all tests: a broker, and programs and data sets that a machine may lack."""

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from click.testing import CliRunner

from stream.cli import main
from stream.devbroker import ports
from stream.devbroker.kafka import Broker
from stream.devbroker.tools import find

# the duration of an example depends on other load of the machine
hypothesis.settings.register_profile("cxgauge", deadline=None)
hypothesis.settings.load_profile("cxgauge")

DATA_BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of the shared broker, started at the first use. Tests use topics of their own.

    It never checks retention: tests write records of a fixed date, which may be older than their topic keeps them. The check,
    30 s after the start and then every five minutes, would delete them in the middle of a test.
    """
    week = 7 * 24 * 3_600_000
    never = {"log.initial.task.delay.ms": week, "log.retention.check.interval.ms": week}
    with Broker(properties=never) as broker:
        yield broker.bootstrap


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    return ports.free_port()


@pytest.fixture(scope="session")
def require() -> Callable[[str], Path]:
    """`require("promtool")` returns the program's path. If it does not start here, the test is skipped with the reason.

    With CX_TEST_REQUIRE_TOOLS=1, as in CI, such a test fails.
    """

    def path_or_skip(tool: str) -> Path:
        path_or_reason = find(tool)
        if isinstance(path_or_reason, Path):
            return path_or_reason
        if os.environ.get("CX_TEST_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{path_or_reason} (CX_TEST_REQUIRE_TOOLS=1)")
        pytest.skip(str(path_or_reason))

    return path_or_skip


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real data sets: CX_TEST_DATA, by default beside the checkout.

    Tests without it are skipped.
    """
    folder = Path(os.environ.get("CX_TEST_DATA") or DATA_BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not there: {folder} (or set CX_TEST_DATA)")
    return folder


@pytest.fixture
def environ(kafka: str) -> dict[str, str]:
    """Environment variables with topics of the test, which do not exist yet."""
    prefix = uuid.uuid4().hex[:8]
    names = {
        f"CXGAUGE_TOPICS_{name.upper()}": f"{prefix}.{name}"
        for name in ("feedback", "tickets", "customers", "deadletter")
    }
    return {
        **names,
        "CXGAUGE_TOPICS_STATE_PREFIX": prefix,
        "CXGAUGE_TOPICS_PARTITIONS": "2",
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": kafka,
    }


@pytest.fixture
def runner(environ: dict[str, str]) -> CliRunner:
    """A runner with this configuration, whose topics exist and keep records for ever."""
    runner = CliRunner(env=environ | {"CXGAUGE_TOPICS_RETENTION": "-1"})
    assert runner.invoke(main, ["topics", "create"]).exit_code == 0
    return runner


@pytest.fixture
def sent(environ: dict[str, str]) -> Callable[[str], list[ConsumerRecord]]:
    """`sent("feedback")` returns the records of an input, partition by partition."""

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
