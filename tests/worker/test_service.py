"""The worker as a process, and its exit codes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream.devbroker.ports import free_port
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]


def test_a_port_in_use_is_a_configuration_error(tmp_path: Path) -> None:
    """The exit code is 2, with one message."""
    cluster = ChaosCluster("127.0.0.1:1", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as socket_in_use:
        listen = f"127.0.0.1:{socket_in_use.getsockname()[1]}"
        assert cluster.start(CXGAUGE_WORKER_LISTEN=listen).wait(30) == 2
    assert re.search(f"worker.listen: got '{listen}': .*in use", cluster.logs())
    assert "Traceback" not in cluster.logs()


def test_a_second_worker_of_the_same_instance_fences_the_first(kafka: str, tmp_path: Path) -> None:
    """The first worker exits with 3, also during a rebalance. The second one continues."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        first = cluster.start(CXGAUGE_WORKER_INSTANCE="one")
        wait(lambda: cluster.ready(first), cluster.logs)
        second = cluster.start(CXGAUGE_WORKER_INSTANCE="one")
        wait(lambda: cluster.ready(second), cluster.logs)
        cluster.publish(load(300, now=int(time.time() * 1000), seed=3))
        assert first.wait(60) == 3, cluster.logs()
        assert "fenced: another worker has taken over" in cluster.logs()
        assert second.poll() is None


def test_the_log_has_no_control_characters(kafka: str, tmp_path: Path) -> None:
    """From the start to the end. Faust's banner and progress display are not in it, and the end is orderly."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker = cluster.start()
        wait(lambda: cluster.ready(worker), cluster.logs)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
        (log,) = tmp_path.glob("*.log")
        lines = log.read_text().split("\n")
        assert all(line.isprintable() for line in lines)
        assert re.search(r" INFO stream\.worker\.service: Listening on 127\.0\.0\.1:\d+$", lines[0])


def test_a_worker_needs_no_folder_for_temporary_files(kafka: str, tmp_path: Path) -> None:
    """As in a container with a read-only root and without /tmp. The end is orderly, too."""
    script = (
        "import tempfile; tempfile._candidate_tempdir_list = lambda: []; from stream.cli import main; main()"
    )
    with ChaosCluster(kafka, tmp_path) as cluster, (tmp_path / "worker-x.log").open("wb") as log:
        port = free_port()
        env = {**os.environ, **cluster.env, "CXGAUGE_WORKER_LISTEN": f"127.0.0.1:{port}"}
        worker = subprocess.Popen([sys.executable, "-c", script, "worker"], env=env, stdout=log, stderr=log)
        worker.port = port  # type: ignore[attr-defined]
        cluster.workers.append(worker)
        wait(lambda: cluster.ready(worker), cluster.logs)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, cluster.logs()
