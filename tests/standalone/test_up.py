"""`cxgauge up` as a user runs it: killed parts are back, figures outlive it, and one signal stops everything."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Pause

import pytest

from stream.devbroker.http import get
from stream.devbroker.kafka.wire import is_serving
from stream.intake.grants import token_hash
from stream.standalone.intake_token import token_setting
from tests.cli.test_demo import children

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]
RESTARTED_WITHIN = 5.0
"""Seconds after which a killed part runs once more."""
PROMOTERS = re.compile(r'cx_nps_responses\{view="total",window="1h",category="promoter"\} (\d+)')


class Running:
    """A running `cxgauge up`, with what it printed at the start."""

    def __init__(self, process: subprocess.Popen[str], output: str) -> None:
        self.process, self.output = process, output
        self.exporter = self.port(r"Metrics\s+http://127.0.0.1:(\d+)/metrics")

        self.kafka = self.port(r"Kafka\s+127.0.0.1:(\d+)")

    def port(self, pattern: str) -> int:
        """Return a printed port."""
        match = re.search(pattern, self.output)
        assert match, self.output
        return int(match[1])

    def publish(self) -> None:
        """Run the printed command, which publishes an answer of a promoter."""
        command = self.output[self.output.index("echo '") :].partition("\n\n")[0]
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)

    def promoters(self) -> int:
        """Return the number of promoters that the exporter serves, -1 without one."""
        match = PROMOTERS.search(get(self.exporter, "/metrics").text)
        return int(match[1]) if match else -1

    def part(self, name: str) -> int | None:
        """Return the process ID of a part, None while there is none."""
        return next((pid for command, pid in children(self.process.pid).items() if name in command), None)


@contextmanager
def up(data: Path, **env: str) -> Iterator[Running]:
    """Run it with its data in a folder, and stop it by SIGTERM."""
    command = [sys.executable, "-m", "stream.cli", "up", "--data", str(data)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **env}
    ) as process:
        try:
            assert process.stdout is not None
            output = ""
            for line in process.stdout:
                output += line
                if "Ctrl-C or SIGTERM stops" in line:
                    break
            assert process.poll() is None, output
            yield Running(process, output)
        finally:
            process.terminate()
            process.wait(60)


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        Pause().wait(0.1)


@pytest.mark.tools
def test_the_printed_curl_is_counted(tmp_path: Path, require: Callable[[str], Path]) -> None:
    """With the token of the folder, which only its owner can read and which stays the same. Without it nothing is taken."""
    require("curl")
    folder = tmp_path / "a folder"
    with up(folder) as running:
        (command,) = re.findall(r"^  curl (?:.*\\\n)?.*$", running.output, re.MULTILINE)
        taken = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
        assert json.loads(taken.stdout) == {"accepted": 1, "rejected": 0}
        anonymous = command.replace("Authorization", "X-Authorization")
        refused = subprocess.run(["sh", "-c", anonymous], check=True, capture_output=True, text=True)
        assert json.loads(refused.stdout)["status"] == 401
        wait_for(lambda: running.promoters() == 1)
    token = (folder / "intake.token").read_text()
    assert token.startswith("cxg_")
    assert token not in running.output
    assert stat.S_IMODE((folder / "intake.token").stat().st_mode) == 0o600
    before = token_setting(folder)
    assert before == token_setting(folder)
    assert token_hash(token) in before["CXGAUGE_INTAKE_TOKENS"]


def test_everything_is_counted_once_whatever_is_killed(tmp_path: Path) -> None:
    """Each part in turn, then everything is stopped and started with the same data."""
    with up(tmp_path) as running:
        running.publish()
        wait_for(lambda: running.promoters() == 1)
        for number, name in enumerate(("\0worker", "\0intake", "\0exporter", "kafka.Kafka"), 2):
            killed = running.part(name)
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            wait_for(
                lambda name=name, killed=killed: running.part(name) not in (None, killed),  # type: ignore[misc]
                RESTARTED_WITHIN,
            )
            wait_for(lambda: is_serving(running.kafka))
            running.publish()
            wait_for(lambda number=number: running.promoters() == number)  # type: ignore[misc]
        parts = children(running.process.pid).values()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    for pid in parts:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with up(tmp_path) as running:
        wait_for(lambda: running.promoters() == 5)
        refused = subprocess.run(
            [sys.executable, "-m", "stream.cli", "up", "--data", tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 4
        assert f"in use by another `cxgauge up` (process {running.process.pid})" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("CXGAUGE_KAFKA_BOOTSTRAP_SERVERS", "kafka.example.com:9092", "kafka.bootstrap_servers"),
        ("CXGAUGE_KAFKA_SECURITY_PROTOCOL", "SSL", "kafka.security_protocol"),
        ("CXGAUGE_WORKER_LISTEN", "127.0.0.1:9817", "worker.listen"),
    ],
)
def test_settings_that_do_not_fit_one_machine_are_refused(
    tmp_path: Path, variable: str, value: str, key: str
) -> None:
    """Another broker, and the port of another part. Nothing is started."""
    refused = subprocess.run(
        [sys.executable, "-m", "stream.cli", "up", "--data", tmp_path / "data"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, variable: value},
    )
    assert refused.returncode == 2
    assert re.search(rf"{key}: got .*{value.rpartition(':')[2]}.*, allowed is ", refused.stderr)
    assert not (tmp_path / "data").exists()


def test_a_part_that_refuses_its_state_ends_it_with_the_reason(tmp_path: Path) -> None:
    """Other numbers of partitions than the topics have: starting once more would not help."""
    with up(tmp_path):
        pass
    changed = subprocess.run(
        [sys.executable, "-m", "stream.cli", "up", "--data", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CXGAUGE_TOPICS_PARTITIONS": "6"},
        timeout=120,
    )
    assert changed.returncode != 0
    assert "worker ended with exit code 4. Last lines of its log:" in changed.stderr
