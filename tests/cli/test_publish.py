"""`cxgauge publish`: topics, keys and timestamps."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

from stream.cli import main

Sent = Callable[[str], list[ConsumerRecord]]
EVENT_TIME = 1_785_578_400_000


def line(kind: str, **data: Any) -> str:
    """Return an event without optional attributes as a line."""
    return json.dumps({"id": "1", "type": kind, "time": "2026-08-01T10:00:00Z", "data": data}) + "\n"


CHURNED = line("cx.customer.churned.v1", customer_id="c-1")
CREATED = line("cx.ticket.created.v1", ticket_id="t-1", customer_id="c-1")
MESSAGE = line("cx.ticket.message.v1", ticket_id="t-1", message_id="m-1", author="agent")
ANSWER = line("cx.feedback.submitted.v1", feedback_id="f-1", survey="nps", score=9)
ERASED = line("cx.customer.erased.v1", customer_id="c-1")


@pytest.mark.kafka
def test_each_event_is_sent_to_its_topic_with_its_key(runner: CliRunner, sent: Sent, tmp_path: Path) -> None:
    """The key is the ID of the answer, ticket or customer. An erasure goes to all topics."""
    path = tmp_path / "events.jsonl"
    path.write_text(CHURNED + CREATED + MESSAGE + ANSWER + ERASED.rstrip())
    before = time.time_ns() // 1_000_000
    result = runner.invoke(main, ["publish", str(path)])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("5 sent, ")
    keys = {
        domain: sorted(record.key for record in sent(domain))
        for domain in ("customers", "tickets", "feedback")
    }
    assert keys == {
        "customers": [b"c-1"] * 2,
        "tickets": [b"c-1", b"t-1", b"t-1"],
        "feedback": [b"c-1", b"f-1"],
    }
    assert all(record.timestamp >= before for record in sent("tickets"))


@pytest.mark.kafka
def test_records_may_have_the_times_of_the_events(runner: CliRunner, sent: Sent) -> None:
    """With `--timestamps event` records have the times of the events."""
    result = runner.invoke(main, ["publish", "-", "--timestamps", "event"], input=ANSWER)
    assert result.exit_code == 0, result.output
    (record,) = sent("feedback")
    assert record.timestamp == EVENT_TIME
    assert json.loads(record.value)["specversion"] == "1.0"


@pytest.mark.kafka
def test_bad_lines_are_reported_and_the_rest_is_sent(runner: CliRunner, sent: Sent) -> None:
    """Line number and reason are on stderr, with exit code 1."""
    invalid_line = line("cx.feedback.submitted.v1", feedback_id="f-2", survey="nps", score=11)
    result = runner.invoke(main, ["publish", "-"], input=f"{invalid_line}\n{ANSWER}{{}}\nnope")
    assert result.exit_code == 1
    assert "1 sent" in result.stdout
    assert "; skipped 3 invalid lines" in result.stdout
    lines = result.stderr.splitlines()
    assert [text.split(":")[1] for text in lines] == ["1", "4", "5"]
    assert "data.score: expected int from 0 to 10, or null, got 11" in lines[0]
    assert len(sent("feedback")) == 1


@pytest.mark.kafka
def test_missing_topics_are_refused(environ: dict[str, str]) -> None:
    """Nothing is sent. The exit code is 4, with the topic's name."""
    result = CliRunner(env=environ).invoke(main, ["publish", "-"], input=ANSWER)
    assert result.exit_code == 4
    assert environ["CXGAUGE_TOPICS_FEEDBACK"] in result.stderr


@pytest.mark.kafka
def test_events_from_a_pipe_are_sent_without_waiting(runner: CliRunner, sent: Sent) -> None:
    """Each line is sent at once, and the end of the pipe ends the command."""
    environment = os.environ | {name: str(text) for name, text in runner.env.items()}
    command = [sys.executable, "-m", "stream.cli", "publish", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(ANSWER)
        child.stdin.flush()
        deadline = time.monotonic() + 30
        while not sent("feedback"):
            assert time.monotonic() < deadline
        assert child.poll() is None
        child.stdin.close()
        assert child.stdout.read().startswith("1 sent, ")
    assert child.returncode == 0


def test_a_dry_run_checks_and_sends_nothing() -> None:
    """Without a broker. Invalid lines are reported as ever."""
    result = CliRunner().invoke(main, ["publish", "-", "--dry-run"], input=ANSWER + CHURNED)
    assert (result.exit_code, result.stdout) == (0, "2 events are valid; nothing was sent\n")
    result = CliRunner().invoke(main, ["publish", "-", "--dry-run"], input=f"{ANSWER}nope\n")
    assert (result.exit_code, result.stdout) == (1, "1 events are valid, 1 lines are not; nothing was sent\n")
    assert "-:2: " in result.stderr


def test_a_misspelt_field_is_refused_with_the_nearest_name() -> None:
    """Unless it is allowed: workers ignore and count it. Null is as if absent."""
    misspelt = line(
        "cx.feedback.submitted.v1", feedback_id="f", survey="nps", score=9, custmer_id="c", old=None
    )
    result = CliRunner().invoke(main, ["publish", "-", "--dry-run"], input=misspelt)
    assert result.exit_code == 1
    assert (
        "-:1: data.custmer_id: unknown field of cx.feedback.submitted.v1, did you mean 'customer_id'"
        in result.stderr
    )
    allowed = CliRunner().invoke(
        main, ["publish", "-", "--dry-run", "--allow-unknown-fields"], input=misspelt
    )
    assert (allowed.exit_code, allowed.stdout) == (0, "1 events are valid; nothing was sent\n")


def dry_run(raw: bytes) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["publish", "-", "--dry-run"], input=raw)
    return result.exit_code, result.stdout, result.stderr


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_events() -> None:
    """Files written on Windows have them."""
    code, output, _ = dry_run(b"\xef\xbb\xbf" + (ANSWER + CREATED).replace("\n", "\r\n").encode())
    assert (code, output) == (0, "2 events are valid; nothing was sent\n")


def test_a_line_that_is_too_long_is_skipped_without_being_held() -> None:
    """The peak has the input of the test and the copy that click makes of it."""
    tracemalloc.start()
    code, output, errors = dry_run(b" " * (64 << 20) + b"\n" + ANSWER.encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (code, output) == (1, "1 events are valid, 1 lines are not; nothing was sent\n")
    assert errors == "-:1: value: more than 262144 bytes\n"
    assert peak < 160 << 20


def test_events_of_workers_are_refused() -> None:
    """They would be counted as if a worker had written them."""
    code, _, errors = dry_run(line("cx.customer.responded.v1", customer_id="c-1").encode())
    assert code == 1
    assert errors == "-:1: type: cx.customer.responded.v1 is written by workers only, to cx.customers\n"


def test_an_empty_id_is_not_erased() -> None:
    """It is refused before the question, which a script may answer."""
    result = CliRunner().invoke(main, ["erase", ""])
    assert (result.exit_code, "Invalid value for CUSTOMER: is empty" in result.stderr) == (2, True)


@pytest.mark.kafka
def test_erase_sends_the_event_to_all_inputs(runner: CliRunner, sent: Sent) -> None:
    """With the present as time. Without confirmation nothing is sent."""
    refused = runner.invoke(main, ["erase", "c-1"], input="n\n")
    assert refused.exit_code == 1
    before = time.time_ns() // 1_000_000
    result = runner.invoke(main, ["erase", "c-1", "--yes"])
    assert result.exit_code == 0, result.output
    assert "cxgauge deadletter purge 'c-1'" in result.stdout
    for domain in ("customers", "tickets", "feedback"):
        (record,) = sent(domain)
        event = json.loads(record.value)
        assert (record.key, event["type"], event["data"]) == (
            b"c-1",
            "cx.customer.erased.v1",
            {"customer_id": "c-1"},
        )
        assert at_ms(event["time"]) >= before


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
