"""Logs of the services, as a terminal, a log collector and systemd's journal receive them."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stream import logs
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child
from stream.starting import listening

pytestmark = pytest.mark.fresh

SERVICES = ("worker", "exporter", "intake")
TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[,.]\d{3}Z? ?"


def lines_of(service: str, folder: Path, *, journal: bool = False, **env: str) -> tuple[str, list[str]]:
    """Run a service without a broker until it has reported that, and return its address and its log."""
    address, log = f"127.0.0.1:{free_port()}", folder / f"{service}.log"
    log.touch()
    status = log.stat()
    env = {
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        f"CXGAUGE_{service.upper()}_LISTEN": address,
        "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino if journal else status.st_ino + 1}",
        **env,
    }
    command = [sys.executable, "-m", "stream.cli", service]
    with Child(service, command, log=log, env={**os.environ, **env}) as child:
        child.wait_until(lambda: "127.0.0.1:1" in log.read_text().partition("\n")[2])
    return address, log.read_text().splitlines()


@pytest.mark.parametrize("service", SERVICES)
def test_the_first_line_is_the_address(service: str, tmp_path: Path) -> None:
    """As text by default, with the time, also if JOURNAL_STREAM is that of a parent process."""
    address, lines = lines_of(service, tmp_path)
    expected = f"{TIME}INFO stream[.]{service}[.]service: Listening on {re.escape(address)}"
    assert re.fullmatch(expected, lines[0])
    assert all(re.match(TIME, line) and line.isprintable() for line in lines)


@pytest.mark.parametrize("service", SERVICES)
def test_json_has_one_object_a_line(service: str, tmp_path: Path) -> None:
    address, lines = lines_of(service, tmp_path, CXGAUGE_LOGS_FORMAT="json")
    entries = [json.loads(line) for line in lines]
    assert (entries[0]["message"], entries[0]["level"]) == (f"Listening on {address}", "info")
    assert all(re.fullmatch(TIME.rstrip("? "), entry["time"]) for entry in entries)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("service", SERVICES)
def test_the_journal_gets_priorities_instead_of_times(service: str, form: str, tmp_path: Path) -> None:
    """The journal takes the priority out of the line, and has a time of its own."""
    address, lines = lines_of(service, tmp_path, journal=True, CXGAUGE_LOGS_FORMAT=form)
    assert lines[0].startswith("<6>")
    assert any(line.startswith("<4>") for line in lines)
    assert f"Listening on {address}" in lines[0]
    assert not any(re.search(TIME.replace("[,.]", "[,.]?"), line) for line in lines)


@pytest.mark.parametrize("service", SERVICES)
def test_systemd_learns_when_a_service_listens(service: str, tmp_path: Path) -> None:
    """Before a broker answers."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(path))
        supervisor.settimeout(30)
        lines_of(service, tmp_path, NOTIFY_SOCKET=str(path))
        assert supervisor.recv(100) == b"READY=1"


def test_a_socket_of_systemd_may_have_no_file() -> None:
    name = f"cxgauge-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0{name}")
        supervisor.settimeout(30)
        listening(logging.getLogger("stream"), "x", {"NOTIFY_SOCKET": f"@{name}"})
        assert supervisor.recv(100) == b"READY=1"


def test_a_socket_that_is_gone_does_not_end_a_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "gone")
    listening(logging.getLogger("stream"), "x", {"NOTIFY_SOCKET": path})
    assert caplog.messages == [
        f"The start cannot be reported to NOTIFY_SOCKET ({path}): No such file or directory"
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_the_level_is_a_setting(service: str, tmp_path: Path) -> None:
    """The address is an entry of level info."""
    log, env = (
        tmp_path / "log",
        {"CXGAUGE_LOGS_LEVEL": "warning", "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
    )
    env |= {f"CXGAUGE_{service.upper()}_LISTEN": f"127.0.0.1:{free_port()}"}
    command = [sys.executable, "-m", "stream.cli", service]
    with Child(service, command, log=log, env={**os.environ, **env}) as child:
        child.wait_until(lambda: " WARNING " in log.read_text())
    assert " INFO " not in log.read_text()


def test_the_error_that_ends_a_service_is_an_entry(tmp_path: Path) -> None:
    """With the exit code of a wrong configuration. Before the settings are read, errors are plain text."""
    env = {**os.environ, "CXGAUGE_LOGS_FORMAT": "json", "CXGAUGE_WORKER_LISTEN": "192.0.2.1:9818"}
    command = [sys.executable, "-m", "stream.cli", "worker"]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    entry = json.loads(result.stderr)
    assert (result.returncode, entry["level"]) == (2, "error")
    assert entry["message"].startswith("worker.listen: got '192.0.2.1:9818': ")
    env["CXGAUGE_LOGS_FORMAT"] = "xml"
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert result.stderr == (
        "Error: logs.format: got 'xml', allowed is one of text, json (CXGAUGE_LOGS_FORMAT)\n"
    )


def test_every_line_of_a_traceback_has_the_priority() -> None:
    try:
        int("odd")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), info)
    lines = logs.formatter("text", journal=True).format(record).split("\n")
    assert lines[0] == "<3>ERROR x: failed"
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)
    entry = json.loads(logs.formatter("json", journal=False).format(record))
    assert "ValueError: invalid literal" in entry["exception"]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202e", "\x9b1m", "\ud800", "\b"])
def test_json_escapes_control_characters(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "got %s", (text,), None)
    line = logs.formatter("json", journal=False).format(record)
    assert line.isprintable()
    assert line.isascii()
    assert json.loads(line)["message"] == f"got {text}"
