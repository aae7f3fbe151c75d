import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.demo import incident
from stream.devbroker.cache import cache_folder
from stream.devbroker.http import get
from stream.devbroker.tools import find
from tests.intake.http_client import send

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]
DEMO = [sys.executable, "-m", "stream.cli", "demo"]


@pytest.fixture
def environment(tmp_path):
    """Yield an environment whose folder for temporary files must be empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield {**os.environ, "TMPDIR": str(folder)}
    assert list(folder.iterdir()) == []


@contextmanager
def demo_running(environment) -> Iterator[tuple[subprocess.Popen, str]]:
    """Run a demo and yield its process and its output up to the invitation."""
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            output = ""
            for line in process.stdout:
                output += line
                if line.startswith("Ctrl-C"):
                    break
            yield process, output
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def without_prometheus(environment, tmp_path):
    """Return an environment with an empty PATH and a cache without packages."""
    cache = tmp_path / "cache" / "cxgauge"
    cache.mkdir(parents=True)
    for entry in cache_folder().iterdir():
        if entry.name != "packages":
            (cache / entry.name).symlink_to(entry)
    return {**environment, "PATH": str(tmp_path / "nothing"), "XDG_CACHE_HOME": str(cache.parent)}


def wait_for_series(port: int, series: str) -> None:
    """Wait until the exporter serves this series."""
    deadline, pause = time.monotonic() + 90, threading.Event()
    while series not in get(port, "/metrics").text.splitlines():
        assert time.monotonic() < deadline
        pause.wait(0.2)


def children(pid: int) -> dict[str, int]:
    """Return the IDs of the child processes by command line."""
    children_started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        Path(f"/proc/{child_pid}/cmdline").read_text().rstrip("\0"): int(child_pid)
        for child_pid in children_started
    }


def test_figures_equal_a_direct_count_and_alerts_arrive(environment, require):
    """The check prints figures and alerts, with or without Alertmanager, and exits with 0."""
    result = subprocess.run(
        [*DEMO, "--check"], capture_output=True, text=True, env=environment, check=False, timeout=240
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^All \d+ values match a direct count$", result.stdout, re.MULTILINE)
    for name in ("cx_nps_score", "cx_churn_ratio", "cx_first_response_mean_seconds"):
        assert re.search(
            rf'^{name}\{{channel="app",.*view="channel",window="30d"\}}', result.stdout, re.MULTILINE
        )
    require("prometheus")
    sender = "Alertmanager" if isinstance(find("alertmanager"), Path) else "Prometheus directly"
    assert f"Both alerts arrived, in total and for the app, from {sender}\n" in result.stdout
    for alert in ("CxAnswersLate", "CxLeavingSpike"):
        assert re.search(rf"^FIRING {alert} \(critical\): .* of channel app ", result.stdout, re.MULTILINE)
        assert f"  what to do: deploy/runbooks/{alert}.md\n" in result.stdout


def test_the_demo_runs_until_ctrl_c_and_accepts_events(environment):
    """The printed command works, and all programs end with the demo."""
    with demo_running(environment) as (process, output):
        command = output[output.index("echo '") :].partition("\n\n")[0]
        published = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, env=environment, check=False
        )
        assert published.returncode == 0, published.stderr
        address = re.search(r"Events over HTTP\s+(http://127\.0\.0\.1:\d+)/v1/events", output)[1]
        event = {"id": "1", "type": "cx.ticket.handoff.v1", "time": "2026-11-22T10:15:00Z"}
        assert (
            send(address, json.dumps(event | {"data": {"ticket_id": "t"}}), "application/json").status == 202
        )
        children_started = children(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    for pid in children_started.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_killed_worker_is_restarted_and_counts_once(environment):
    """As the demo prints. An event published meanwhile is counted once."""
    with demo_running(environment) as (process, output):
        port = int(re.search(r"Metrics\s+http://127.0.0.1:(\d+)/metrics", output)[1])
        subprocess.run(["sh", "-c", re.search(r"kill -9 \d+", output)[0]], check=True)
        command = output[output.index("echo '") :].partition("\n\n")[0].replace("checkout", "mine")
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, env=environment)
        counted = 'cx_nps_responses{view="touchpoint",touchpoint="mine",window="1h",category="promoter"} 1'
        wait_for_series(port, counted)
        assert any("worker was killed; restarting it" in line for line in process.stdout)


def test_without_prometheus_the_incident_is_in_the_figures(without_prometheus):
    """It prints the missing program and the alerts that would be sent. The figures show the incident."""
    with demo_running(without_prometheus) as (process, output):
        assert "prometheus is left out: it is not on PATH; there is no apt-get " in output
        assert "Alertmanager" not in output
        assert "Firing alerts" not in output
        assert any(incident.ALERTS_WOULD_COME in line for line in process.stdout)
        port = int(re.search(r"Metrics\s+http://127.0.0.1:(\d+)/metrics", output)[1])
        churned = 'cx_churned_customers{view="channel",channel="app",window="1h",reason="login"} 25'
        wait_for_series(port, churned)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_part_that_ends_is_restarted(environment):
    """It prints so with the exit code. tests/standalone has the ends that are final."""
    with demo_running(environment) as (process, _):
        (worker,) = [pid for command, pid in children(process.pid).items() if command.endswith("\0worker")]
        os.kill(worker, signal.SIGTERM)
        assert any("worker ended with exit code 0; restarting it" in line for line in process.stdout)
