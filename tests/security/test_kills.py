"""Killed processes leave nothing on disk, and no event is lost or counted twice.

CX_TEST_KILLS is the number of kills, 3 by default. `make weekly` does 100.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, envelope

KILLS = int(os.environ.get("CX_TEST_KILLS", "3"))
EVENTS = 50
"""Events that are published before each kill."""
HOLDS_A_FOLDER = """
import sys
from stream.devbroker.temporary import temporary_folder
with temporary_folder("broker") as folder:
    (folder / "data").write_bytes(bytes(1 << 16))
    print(folder, flush=True)
    sys.stdin.read()
"""


def places(folder: Path) -> dict[str, str]:
    """Return environment variables that name all places where a process may write, within a folder."""
    names = (
        "TMPDIR",
        "HOME",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
    )
    for name in names:
        (folder / name).mkdir(parents=True)
    return {name: str(folder / name) for name in names}


def files(folder: Path) -> list[str]:
    """Return what lies in the places."""
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/**/*"))


def answers(number: int) -> Iterator[PublishedRecord]:
    """Yield answers of a round, each with an ID of its own."""
    at = int(time.time() * 1000)
    for n in range(number * EVENTS, (number + 1) * EVENTS):
        data = {"feedback_id": f"f{n}", "survey": "nps", "score": n % 11}
        yield PublishedRecord(
            data["feedback_id"].encode(), envelope("cx.feedback.submitted.v1", at, n, data), at, data
        )


@pytest.mark.kafka
@pytest.mark.attack("kill -9 of workers and exporters", fails="lost")
def test_services(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Callable[[int], None]
) -> None:
    """Killed as soon as they answer, and when they have partitions, in turn."""
    folder = tmp_path / "places"
    env, working = places(folder), folder / "working"
    working.mkdir()
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(working)
    root = str(Path(__file__).parents[2])
    with ChaosCluster(kafka, tmp_path / "logs", PYTHONPATH=root, **env) as cluster:
        for number in range(KILLS):
            processes = [cluster.start("worker"), cluster.start("exporter")]
            cluster.publish(answers(number))
            worker = processes[0]
            if number % 2:
                wait(lambda worker=worker: cluster.ready(worker), cluster.logs)
            else:
                wait(lambda worker=worker: cluster.get(worker, "/livez") is not None, cluster.logs)
            for process in processes:
                process.kill()
                process.wait()
            tried(len(processes))
            assert files(folder) == []
        cluster.start("worker")
        exporter = cluster.start("exporter")
        counted = 'cx_events_total{topic="cx.feedback",outcome="accepted"}'
        wait(lambda: cluster.samples(exporter).get(counted, 0) >= KILLS * EVENTS, cluster.logs)
        outcomes = {
            name: n
            for name, n in cluster.samples(exporter).items()
            if name.startswith("cx_events_total") and n
        }
        assert outcomes == {counted: KILLS * EVENTS}, "each once"
    assert files(folder) == []


@pytest.mark.attack("kill -9 with a temporary folder", fails="leaked")
def test_temporary_folders(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """A start removes those of killed ones."""
    env = {**os.environ, **places(tmp_path)}
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDS_A_FOLDER],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert list(Path(env["TMPDIR"]).iterdir()) == [folder]
        process.kill()
        process.communicate()
        tried(1)
