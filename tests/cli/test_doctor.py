"""`cxgauge doctor` against a broker, with and without checkpoints."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from schemas.topics import DOMAINS
from stream.cli import main
from stream.config import config_hash, load
from stream.core.model import checkpoint as checkpoints
from stream.core.model.checkpoint import Checkpoint
from stream.errors import PreconditionFailed


async def flush(environ: dict[str, str], behind: int) -> None:
    """Write a flush of every partition, and `behind` panes without a checkpoint after it."""
    settings = load(None, environ)
    checkpoint = Checkpoint(
        partitions=2, config_hash=config_hash(settings), written_at=time.time_ns() // 1_000_000
    )
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, transactional_id="doctor")
    await producer.start()
    try:
        async with producer.transaction():
            for domain in DOMAINS:
                for number in range(2):
                    topic, value = settings.topics.panes(domain), checkpoints.encode(checkpoint)
                    await producer.send(topic, value, key=checkpoints.KEY, partition=number)
                    for _ in range(behind):
                        await producer.send(topic, b"", key=b"pane", partition=number)
    finally:
        await producer.stop()


@pytest.mark.kafka
def test_missing_topics_are_reported_first(environ: dict[str, str]) -> None:
    """Other checks are not possible. The exit code is 1, with the names."""
    result = CliRunner(env=environ).invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert f"topics: WRONG {environ['CXGAUGE_TOPICS_FEEDBACK']}: is missing" in result.stdout
    assert "feedback: uncounted" not in result.stdout


@pytest.mark.kafka
def test_an_audit_without_topics_names_them(environ: dict[str, str]) -> None:
    """At once, with exit code 4, and not after the time in which Kafka's client looks for them."""
    result = CliRunner(env=environ).invoke(main, ["doctor", "audit"])
    assert result.exit_code == PreconditionFailed.exit_code
    missing = [f"{topic}: is missing" for topic in load(None, environ).topics.all if topic.count(".") > 1]
    assert result.stderr.splitlines()[1:] == missing


@pytest.mark.kafka
def test_topics_without_a_worker_are_reported(runner: CliRunner) -> None:
    """Topics as configured with events, but without a worker: the exit code is 1."""
    event = '{"id": "1", "type": "cx.feedback.deleted.v1", "time": "2026-01-01T00:00:00Z", "data": {"feedback_id": "a"}}'
    runner.invoke(main, ["publish", "-"], input=event)
    result = runner.invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "topics: all 11 match the configuration" in result.stdout
    assert (
        "feedback: uncounted offsets by partition: 0 1" in result.stdout or "partition: 1 0" in result.stdout
    )
    assert result.stdout.count("WRONG never counted: partition 0, 1") == 3


@pytest.mark.kafka
@pytest.mark.parametrize("behind", [0, 100])
def test_a_healthy_installation_exits_with_0(runner: CliRunner, environ: dict[str, str], behind: int) -> None:
    """The newest checkpoint is read, also when it is far from the end."""
    asyncio.run(flush(environ, behind))
    result = runner.invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("every partition is counted") == 3


def test_a_subcommand_does_not_run_the_checks() -> None:
    """`doctor` with a subcommand does not run its own checks."""
    result = CliRunner().invoke(main, ["doctor", "nothing"])
    assert result.exit_code == 2
    assert "No such command 'nothing'" in result.stderr


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1", "x"])
def test_a_rate_must_be_a_finite_number_above_0(rate: str) -> None:
    """Usage errors end with 2."""
    result = CliRunner().invoke(main, ["doctor", "--size", rate])
    assert result.exit_code == 2
    assert "Invalid value for" in result.output
    assert rate in result.output
