"""Workers that load partitions for longer than their session."""

import time
from pathlib import Path

import pytest

from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load
from tests.chaos.slow_worker import LOAD_SECONDS, LOADING
from tests.chaos.test_feedback import check

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


def logged(folder: Path, text: str) -> int:
    """Return how often workers have logged a text."""
    return sum(log.read_text().count(text) for log in folder.glob("worker-*.log"))


def test_a_worker_that_joins_waits_for_one_that_loads(kafka: str, tmp_path: Path) -> None:
    """If it did not, it would fence the other, which would fence it after its own restart, and so on."""
    with ChaosCluster(kafka, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as cluster:
        cluster.program = "tests.chaos.slow_worker"
        sent = cluster.publish(load(2_000, now=int(time.time() * 1000), seed=1))
        first = cluster.start()
        wait(lambda: logged(tmp_path, LOADING) == 1, cluster.logs, 60)
        second = cluster.start()
        wait(lambda: logged(tmp_path, "partitions assigned") == 2, cluster.logs, 60 + 2 * LOAD_SECONDS)
        assert cluster.wait_until_counted()
        assert [worker.poll() for worker in (first, second)] == [None, None], cluster.logs()
        check(cluster, sent)
