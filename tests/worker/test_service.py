"""The worker as a process: how it ends."""

import re
import socket
import time
from pathlib import Path

import pytest

from tests.chaos.feed import load
from tests.chaos.rig import ChaosCluster, wait

pytestmark = [pytest.mark.kafka, pytest.mark.fresh]


def test_a_port_that_is_taken_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    """Exit 2 and one clear text."""
    rig = ChaosCluster("127.0.0.1:1", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert rig.start(CXGAUGE_WORKER_LISTEN=listen).wait(30) == 2
    assert re.search(f"worker.listen: got '{listen}': .*in use", rig.logs())
    assert "Traceback" not in rig.logs()


def test_a_second_worker_of_the_same_name_fences_the_first(kafka: str, tmp_path: Path) -> None:
    """Exit 3, also when it learns of it while it lets its partitions go; the second one counts on."""
    with ChaosCluster(kafka, tmp_path) as rig:
        first = rig.start(CXGAUGE_WORKER_INSTANCE="one")
        wait(lambda: rig.ready(first), rig.logs)
        second = rig.start(CXGAUGE_WORKER_INSTANCE="one")
        wait(lambda: rig.ready(second), rig.logs)
        rig.publish(load(300, now=int(time.time() * 1000), seed=3))
        assert first.wait(60) == 3, rig.logs()
        assert "fenced: another worker has taken over" in rig.logs()
        assert second.poll() is None
