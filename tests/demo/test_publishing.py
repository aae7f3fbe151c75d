"""`cxgauge demo --publish` as a process."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

from stream.cli import main
from stream.devbroker.process import Child

DEMO = [sys.executable, "-m", "stream.cli", "demo", "--publish"]


def ids(records: list[ConsumerRecord]) -> list[str]:
    return [json.loads(record.value)["id"] for record in records]


@pytest.mark.kafka
def test_the_history_is_published_once_and_visitors_are_new(
    runner: CliRunner,
    environ: dict[str, str],
    sent: Callable[[str], list[ConsumerRecord]],
    tmp_path: Path,
) -> None:
    """A second start, as after a restart of its container, adds visitors whose IDs differ."""
    runs = []
    for number, first_line in enumerate(("Published ", "The topics have records")):
        before, log = len(sent("feedback")), tmp_path / f"{number}.log"
        with Child("demo", DEMO, log=log, env={**os.environ, **environ}) as child:
            child.wait_until(lambda log=log, text=first_line: text in log.read_text())  # type: ignore[misc]
            published = len(sent("feedback"))
            child.wait_until(lambda least=published: len(sent("feedback")) > least)  # type: ignore[misc]
            os.kill(child.pid, signal.SIGTERM)
            assert child.ended(within=30)
            assert child.exit_code == 0, log.read_text()
        assert len(log.read_text().splitlines()) == 1
        runs.append(len(sent("feedback")) - before)
    assert runs[0] > 4_000 > runs[1] > 0
    for domain in ("feedback", "tickets", "customers"):
        published_ids = ids(sent(domain))
        assert len(set(published_ids)) == len(published_ids) > 0


@pytest.mark.kafka
def test_missing_topics_are_an_error(environ: dict[str, str]) -> None:
    """The topics are created by another command, with the settings of the workers."""
    result = CliRunner(env=environ).invoke(main, ["demo", "--publish"])
    assert result.exit_code == 4
    assert "cxgauge topics create" in result.stderr


def test_the_two_options_exclude_each_other() -> None:
    result = CliRunner().invoke(main, ["demo", "--publish", "--check"])
    assert result.exit_code == 2
    assert "--check and --publish exclude each other" in result.stderr
