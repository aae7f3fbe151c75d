"""The first start on a new broker."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from stream.devbroker.kafka import Broker
from stream.kafka.admin import create
from stream.kafka.topics import topics
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load

pytestmark = pytest.mark.kafka


def test_a_first_start_logs_no_error(tmp_path: Path) -> None:
    """Services start before the broker and the topics. The broker then creates its internal topics for them."""
    broker = Broker()
    cluster = ChaosCluster(broker.bootstrap, tmp_path)
    try:
        services = cluster.start(), cluster.start("exporter")
        wait(lambda: cluster.logs().count("cannot be reached") == 2, cluster.logs)
        with broker:
            wait(lambda: cluster.logs().count("missing topics: ") == 2, cluster.logs)
            asyncio.run(create(cluster.settings, topics(cluster.settings)))
            wait(lambda: all(map(cluster.ready, services)), cluster.logs)
            cluster.publish(load(200, now=int(time.time() * 1000), seed=3))
            assert cluster.wait_until_counted(), cluster.logs()
            for process in services:
                process.send_signal(signal.SIGTERM)
            assert [process.wait(30) for process in services] == [0, 0], cluster.logs()
        for level in (" ERROR ", " CRITICAL ", "Traceback"):
            assert level not in cluster.logs()
        assert cluster.logs().count("cannot be reached") == 2, "one line in each log"
    finally:
        cluster.__exit__()
