"""`cxgauge topics` against a broker."""

import pytest
from click.testing import CliRunner

from stream.cli import main


@pytest.mark.kafka
def test_create_then_check(environ: dict[str, str]) -> None:
    """What is missing is listed, made once, and then as it should be."""
    runner = CliRunner(env=environ)
    before = runner.invoke(main, ["topics", "check"])
    assert before.exit_code == 1
    assert before.stdout.count(": is missing") == 10
    created = runner.invoke(main, ["topics", "create"])
    assert created.exit_code == 0, created.output
    assert created.stdout.count(": created") == 10
    again = runner.invoke(main, ["topics", "create"])
    assert (again.exit_code, again.stdout.count(": created")) == (0, 0)
    assert runner.invoke(main, ["topics", "check"]).exit_code == 0


@pytest.mark.kafka
def test_existing_topics_are_compared_and_left(environ: dict[str, str]) -> None:
    """Another configuration changes nothing that exists: exit 1 and what differs."""
    runner = CliRunner(env=environ)
    runner.invoke(main, ["topics", "create"])
    other = CliRunner(env=environ | {"CXGAUGE_TOPICS_RETENTION": "7d", "CXGAUGE_TOPICS_PARTITIONS": "4"})
    for command in ("create", "check"):
        result = other.invoke(main, ["topics", command])
        assert result.exit_code == 1
        assert result.stdout.count("has 2 partitions, topics.partitions is 4") == 10
        assert result.stdout.count("retention.ms is 3888000000, expected 604800000") == 3
    assert runner.invoke(main, ["topics", "check"]).exit_code == 0


@pytest.mark.kafka
def test_what_the_broker_will_not_make(environ: dict[str, str]) -> None:
    """Three replicas on one broker cannot be: exit 1 with Kafka's reason for each topic."""
    result = CliRunner(env=environ | {"CXGAUGE_TOPICS_REPLICATION_FACTOR": "3"}).invoke(
        main, ["topics", "create"]
    )
    assert result.exit_code == 1
    assert result.stderr.count("InvalidReplicationFactorError") == 10


def test_no_broker(free_port: int) -> None:
    """One clear text, exit 1."""
    servers = f"127.0.0.1:{free_port}"
    result = CliRunner(env={"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": servers}).invoke(main, ["topics", "check"])
    assert result.exit_code == 1
    assert result.stderr == f"Error: kafka.bootstrap_servers: no broker answers at {servers!r}\n"
