"""Topics that are missing, deleted, or deleted and created again while services run."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from stream.kafka.admin import create
from stream.kafka.topics import topics
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load

pytestmark = pytest.mark.kafka

LIMIT = 30
"""Seconds within which services must tell."""


async def change(cluster: ChaosCluster, *names: str, remake: bool) -> None:
    """Delete topics, and create them again if `remake`."""
    client = AIOKafkaAdminClient(bootstrap_servers=cluster.settings.kafka.bootstrap_servers)
    await client.start()
    try:
        await client.delete_topics(list(names))
        while set(names) & set(await client.list_topics()):  # noqa: ASYNC110 - Kafka sends no event for this
            await asyncio.sleep(0.05)
    finally:
        await client.close()
    if remake:
        await create(cluster.settings, topics(cluster.settings))


def unready(process: Any) -> str:
    """Return the text of /readyz if the service is not ready, else an empty text."""
    try:
        with urlopen(f"http://127.0.0.1:{process.port}/readyz", timeout=2):
            return ""
    except HTTPError as error:
        with error:
            return error.read().decode()
    except OSError:
        return ""


def started(cluster: ChaosCluster, *, publish: bool = True) -> tuple[Any, Any]:
    """Start a worker and an exporter, publish answers, and wait until all are counted."""
    worker, exporter = cluster.start(), cluster.start("exporter")
    if publish:
        cluster.publish(load(200, now=int(time.time() * 1000), seed=3))
        assert cluster.wait_until_counted(), cluster.logs()
    wait(lambda: cluster.ready(worker) and cluster.ready(exporter), cluster.logs)
    return worker, exporter


def test_a_deleted_input_is_told_and_refused_when_it_is_back(kafka: str, tmp_path: Path) -> None:
    """By worker, exporter and doctor. The worker ends with 4 once the topic is another one."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker, exporter = started(cluster)
        feedback = cluster.settings.topics.feedback
        asyncio.run(change(cluster, feedback, remake=False))
        for process in (worker, exporter):
            wait(lambda process=process: feedback in unready(process), cluster.logs, LIMIT)
        doctor = cluster.run("doctor")
        assert doctor.returncode == 1
        assert f"WRONG {feedback}: is missing" in doctor.stdout
        asyncio.run(create(cluster.settings, topics(cluster.settings)))
        assert worker.wait(LIMIT) == 4, cluster.logs()
        assert "deleted and created again" in cluster.logs()
        doctor = cluster.run("doctor")
        assert doctor.returncode == 1
        assert "the topic was deleted and created again" in doctor.stdout
        assert cluster.start().wait(LIMIT) == 4, cluster.logs()
        assert "The topic was deleted and created again" in cluster.logs()


def test_an_input_of_which_nothing_was_counted_may_be_created_again(kafka: str, tmp_path: Path) -> None:
    """The worker starts again by itself, and counts the records of the new topic."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker, _ = started(cluster, publish=False)
        asyncio.run(change(cluster, cluster.settings.topics.feedback, remake=True))
        wait(lambda: "restarting from the last checkpoint" in cluster.logs(), cluster.logs, LIMIT)
        cluster.publish(load(200, now=int(time.time() * 1000), seed=3))
        assert cluster.wait_until_counted(), cluster.logs()
        assert worker.poll() is None


@pytest.mark.parametrize("kind", ["state", "panes"])
def test_replaced_compacted_topics_are_refused(kafka: str, tmp_path: Path, kind: str) -> None:
    """The running worker ends with 4, as does the next one. The exporter is not ready, and doctor tells the topic."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker, exporter = started(cluster)
        name = f"{cluster.settings.topics.state_prefix}.{kind}.feedback"
        asyncio.run(change(cluster, name, remake=True))
        assert worker.wait(LIMIT) == 4, cluster.logs()
        assert f"deleted and created again while this worker ran: {name}" in cluster.logs()
        wait(lambda: name in unready(exporter), cluster.logs, LIMIT)
        doctor = cluster.run("doctor")
        assert doctor.returncode == 1
        assert f"the topic of {kind} was deleted and created again" in doctor.stdout
        assert cluster.start().wait(LIMIT) == 4, cluster.logs()
        assert f"{name} partition" in cluster.logs()
        assert exporter.poll() is None


@pytest.mark.parametrize("kind", ["state", "panes"])
def test_compacted_topics_that_are_replaced_under_traffic_are_refused(
    kafka: str, tmp_path: Path, kind: str
) -> None:
    """Records that a worker wrote to the new topic before it noticed do not make the next worker accept it."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker, _ = started(cluster)
        name = f"{cluster.settings.topics.state_prefix}.{kind}.feedback"
        traffic = threading.Thread(
            target=cluster.publish,
            args=(load(4_000, now=int(time.time() * 1000), seed=4, name="b"),),
            kwargs={"rate": 400},
        )
        traffic.start()
        asyncio.run(change(cluster, name, remake=True))
        assert worker.wait(LIMIT) == 4, cluster.logs()
        traffic.join()
        assert cluster.start().wait(LIMIT) == 4, cluster.logs()
        assert f"{name} partition" in cluster.logs()
        doctor = cluster.run("doctor")
        assert doctor.returncode == 1
        assert f"the topic of {kind} was deleted and created again" in doctor.stdout
