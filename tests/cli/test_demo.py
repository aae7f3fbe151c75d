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

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]
DEMO = [sys.executable, "-m", "stream.cli", "demo"]


@pytest.fixture
def environment(tmp_path):
    """With a folder for temporary files that is looked into afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield {**os.environ, "TMPDIR": str(folder)}
    assert list(folder.iterdir()) == []


@contextmanager
def demo_running(environment) -> Iterator[tuple[subprocess.Popen, str]]:
    """A demo that has told its visitor everything, and what it told; stopped after the block."""
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            told = ""
            for line in running.stdout:
                told += line
                if line.startswith("Ctrl-C"):
                    break
            yield running, told
        finally:
            running.terminate()
            running.wait(60)


@pytest.fixture
def without_prometheus(environment, tmp_path):
    """An environment with an empty PATH and a cache without packages."""
    cache = tmp_path / "cache" / "cxgauge"
    cache.mkdir(parents=True)
    for each in cache_folder().iterdir():
        if each.name != "packages":
            (cache / each.name).symlink_to(each)
    return {**environment, "PATH": str(tmp_path / "nothing"), "XDG_CACHE_HOME": str(cache.parent)}


def wait_for_series(port: int, series: str) -> None:
    """Wait until the exporter shows this line."""
    deadline, tick = time.monotonic() + 90, threading.Event()
    while series not in get(port, "/metrics").text.splitlines():
        assert time.monotonic() < deadline
        tick.wait(0.2)


def children(pid: int) -> dict[str, int]:
    """Process ids by command line, of the processes that `pid` started."""
    started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {Path(f"/proc/{each}/cmdline").read_text().rstrip("\0"): int(each) for each in started}


def test_its_figures_are_those_of_a_direct_count_and_its_alerts_arrive(environment, require):
    """The check prints each figure and the alerts, which come with or without Alertmanager, and exits with 0."""
    done = subprocess.run(
        [*DEMO, "--check"], capture_output=True, text=True, env=environment, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^All \d+ values match a direct count$", done.stdout, re.MULTILINE)
    for name in ("cx_nps_score", "cx_churn_ratio", "cx_first_response_mean_seconds"):
        assert re.search(
            rf'^{name}\{{channel="app",.*view="channel",window="30d"\}}', done.stdout, re.MULTILINE
        )
    require("prometheus")
    sender = "Alertmanager" if isinstance(find("alertmanager"), Path) else "Prometheus directly"
    assert f"Both alerts arrived, in total and for the app, from {sender}\n" in done.stdout
    for alert in ("CxFirstResponseSlow", "CxChurnSpike"):
        assert re.search(rf"^FIRING {alert} \(critical\): .* channel app ", done.stdout, re.MULTILINE)
        assert f"  what to do: deploy/runbooks/{alert}.md\n" in done.stdout


def test_it_runs_until_ctrl_c_and_takes_an_event_of_ones_own(environment):
    """What it invites its visitor to type works; all its programs end with it."""
    with demo_running(environment) as (running, told):
        typed = told[told.index("echo '") :].partition("\n\n")[0]
        published = subprocess.run(
            ["sh", "-c", typed], capture_output=True, text=True, env=environment, check=False
        )
        assert published.returncode == 0, published.stderr
        started = children(running.pid)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    for pid in started.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_killed_worker_is_started_again_and_counts_once(environment):
    """What its invitation says; an event published meanwhile is counted, once."""
    with demo_running(environment) as (running, told):
        port = int(re.search(r"Metrics\s+http://127.0.0.1:(\d+)/metrics", told)[1])
        subprocess.run(["sh", "-c", re.search(r"kill -9 \d+", told)[0]], check=True)
        typed = told[told.index("echo '") :].partition("\n\n")[0].replace("checkout", "mine")
        subprocess.run(["sh", "-c", typed], check=True, capture_output=True, env=environment)
        counted = 'cx_nps_responses{view="touchpoint",touchpoint="mine",window="1h",category="promoter"} 1'
        wait_for_series(port, counted)
        assert any("worker was killed; restarting it" in line for line in running.stdout)


def test_without_prometheus_it_happens_all_the_same(without_prometheus):
    """It prints what is left out and which alerts would come; the figures show the incident, and no address is missing."""
    with demo_running(without_prometheus) as (running, told):
        assert "prometheus is left out: it is not on PATH; there is no apt-get " in told
        assert "Alertmanager" not in told
        assert "Firing alerts" not in told
        assert any(incident.ALERTS_WOULD_COME in line for line in running.stdout)
        port = int(re.search(r"Metrics\s+http://127.0.0.1:(\d+)/metrics", told)[1])
        churned = 'cx_churned_customers{view="channel",channel="app",window="1h",reason="login"} 25'
        wait_for_series(port, churned)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0


def test_a_program_that_ends_by_itself_ends_it_with_a_word(environment):
    """Which one, how it ended, and an exit code that is not 0."""
    with demo_running(environment) as (running, _):
        (worker,) = [pid for command, pid in children(running.pid).items() if command.endswith("\0worker")]
        os.kill(worker, signal.SIGTERM)
        assert running.wait(60) == 1
        assert "worker ended with exit code 0. Last lines of its log:" in running.stderr.read()
