"""`cxgauge topics` against a broker."""

import pytest
from click.testing import CliRunner

from stream.cli import main


@pytest.mark.kafka
def test_created_topics_pass_the_check(environ: dict[str, str]) -> None:
    """Missing topics are listed, created once, and then pass the check."""
    runner = CliRunner(env=environ)
    result_before = runner.invoke(main, ["topics", "check"])
    assert result_before.exit_code == 1
    assert result_before.stdout.count(": is missing") == 11
    created = runner.invoke(main, ["topics", "create"])
    assert created.exit_code == 0, created.output
    assert created.stdout.count(": created") == 11
    second_result = runner.invoke(main, ["topics", "create"])
    assert (second_result.exit_code, second_result.stdout.count(": created")) == (0, 0)
    assert runner.invoke(main, ["topics", "check"]).exit_code == 0


@pytest.mark.kafka
def test_existing_topics_are_compared_and_not_changed(environ: dict[str, str]) -> None:
    """Existing topics do not change. The exit code is 1, with the differences."""
    runner = CliRunner(env=environ)
    runner.invoke(main, ["topics", "create"])
    other = CliRunner(env=environ | {"CXGAUGE_TOPICS_RETENTION": "7d", "CXGAUGE_TOPICS_PARTITIONS": "4"})
    for command in ("create", "check"):
        result = other.invoke(main, ["topics", command])
        assert result.exit_code == 1
        assert result.stdout.count("has 2 partitions, topics.partitions is 4") == 10
        assert result.stdout.count("retention.ms is 6480000000, expected 604800000") == 3
    assert runner.invoke(main, ["topics", "check"]).exit_code == 0


@pytest.mark.kafka
def test_refusals_of_the_broker_are_reported(environ: dict[str, str]) -> None:
    """Three replicas on one broker are refused with Kafka's reason for each topic."""
    result = CliRunner(env=environ | {"CXGAUGE_TOPICS_REPLICATION_FACTOR": "3"}).invoke(
        main, ["topics", "create"]
    )
    assert result.exit_code == 1
    assert result.stderr.count("InvalidReplicationFactorError") == 11


def test_a_missing_broker_is_reported(free_port: int) -> None:
    """One error message, with exit code 1."""
    servers = f"127.0.0.1:{free_port}"
    result = CliRunner(env={"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": servers}).invoke(main, ["topics", "check"])
    assert result.exit_code == 1
    assert result.stderr == f"Error: kafka.bootstrap_servers: no broker answers at {servers!r}\n"
