"""End to end: any Kafka client publishes, the worker counts, the exporter serves."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.feedback import FeedbackSubmitted
from schemas.publish import Publisher
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, envelope, load

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka: str, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(kafka, tmp_path) as new_cluster:
        new_cluster.start()
        new_cluster.exporter = new_cluster.start("exporter")  # type: ignore[attr-defined]
        yield new_cluster


def answers(n: int, score: int, channel: str = "web") -> list[PublishedRecord]:
    now = int(time.time() * 1000)
    records = []
    for i in range(n):
        data = {"feedback_id": f"{channel}-{score}-{i}", "survey": "nps", "score": score, "channel": channel}
        value = envelope("cx.feedback.submitted.v1", now, i, data)
        records.append(PublishedRecord(f"c-{channel}-{i}".encode(), value, now, None))
    return records


def series_equals(cluster: Any, series: str, value: float) -> Callable[[], bool]:
    return lambda: cluster.samples(cluster.exporter).get(series) == value


def state_of(cluster: Any) -> Callable[[], str]:
    return lambda: f"{cluster.samples(cluster.exporter)}\n{cluster.logs()}"


def test_records_hashed_by_librdkafka_are_forwarded(cluster: ChaosCluster) -> None:
    """CRC32 sends most keys to other partitions. Every event counts once, in its own partition."""
    cluster.publish(answers(200, 10), partitioner="consistent")
    cluster.publish(answers(100, 0, "app"), partitioner="consistent")
    wait(
        series_equals(cluster, 'cx_nps_responses{view="total",window="1h",category="promoter"}', 200),
        state_of(cluster),
    )
    wait(
        series_equals(cluster, 'cx_nps_responses{view="total",window="1h",category="detractor"}', 100),
        state_of(cluster),
    )
    samples = cluster.samples(cluster.exporter)  # type: ignore[attr-defined]
    assert samples['cx_nps_score{view="total",window="30d"}'] == pytest.approx(100 / 3)
    assert samples['cx_nps_score{view="channel",channel="web",window="5m"}'] == 100
    assert samples['cx_nps_score{view="channel",channel="app",window="24h"}'] == -100
    misrouted = samples['cx_events_total{topic="cx.feedback",outcome="misrouted"}']
    assert 0 < misrouted < 300
    assert samples['cx_events_total{topic="cx.feedback",outcome="accepted"}'] == 300
    assert samples["cx_partitions_covered"] == samples["cx_partitions_expected"] == 12


def test_kcat_publishes_as_the_readme_describes(
    cluster: ChaosCluster, require: Callable[[str], Path]
) -> None:
    """One line of JSON with a key."""
    event, settings = answers(1, 9)[0], cluster.settings
    command = [require("kcat"), "-P", "-b", settings.kafka.bootstrap_servers, "-k", "c-17"]
    subprocess.run([*command, "-t", settings.topics.feedback], input=event.value + b"\n", check=True)
    wait(series_equals(cluster, 'cx_nps_score{view="total",window="5m"}', 100), state_of(cluster))


async def test_an_event_is_served_within_two_seconds(cluster: Any) -> None:
    """Measured from the client's send to /metrics, with running services."""
    wait(lambda: cluster.ready(cluster.exporter), state_of(cluster))
    names = {"feedback": cluster.settings.topics.feedback}
    async with Publisher(cluster.settings.kafka.bootstrap_servers, topics=names) as publisher:
        await publisher.send(FeedbackSubmitted(feedback_id="r-1", survey="nps", score=10, customer_id="c"))
    wait(series_equals(cluster, 'cx_nps_score{view="total",window="5m"}', 100), state_of(cluster))


def test_figures_are_removed_when_a_partition_is_not_covered(kafka: str, tmp_path: Path) -> None:
    """Without a worker figures are held, then removed, and the exporter is not ready.

    Series of the pipeline stay.
    """
    with ChaosCluster(kafka, tmp_path, CXGAUGE_EXPORTER_STALE_AFTER="3s") as cluster:
        worker, exporter = cluster.start(), cluster.start("exporter")
        cluster.publish(answers(5, 9))
        series = 'cx_nps_score{view="total",window="1h"}'
        wait(lambda: cluster.samples(exporter).get(series) == 100, cluster.logs)
        worker.terminate()
        worker.wait()
        wait(lambda: not cluster.ready(exporter), cluster.logs)
        assert cluster.samples(exporter)[series] == 100
        wait(lambda: series not in cluster.samples(exporter), cluster.logs)
        assert cluster.samples(exporter)["cx_partitions_covered"] == 0
        cluster.start()
        wait(lambda: cluster.samples(exporter).get(series) == 100, cluster.logs)


def test_replicas_serve_the_same_values(cluster: Any) -> None:
    """A replica started later reads the past and serves the same values."""
    cluster.publish(load(2_000, now=int(time.time() * 1000), seed=11))
    assert cluster.wait_until_counted(), cluster.logs()
    replica = cluster.start("exporter")
    wait(lambda: cluster.ready(replica), cluster.logs)

    def figures(exporter: Any) -> dict[str, float]:
        return {k: v for k, v in cluster.samples(exporter).items() if "view=" in k}

    wait(lambda: figures(cluster.exporter) == figures(replica) != {}, cluster.logs)


def test_the_worker_refuses_topics_with_other_partitions(kafka: str, tmp_path: Path) -> None:
    """The exit code is 4, and the message names the topics. Missing topics are waited for."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        assert cluster.start(CXGAUGE_TOPICS_PARTITIONS="8").wait(60) == 4
        feedback = cluster.settings.topics.feedback
        assert f"{feedback}: has 4 partitions, topics.partitions is 8" in cluster.logs()


async def corrupt_pane(cluster: ChaosCluster) -> None:
    """Add one promoter to a stored block."""
    partition = next(
        p for (d, _), p in (await cluster._partitions()).items() if d == "feedback" and p.panes.blocks
    )
    key = next(iter(partition.panes.blocks))
    corrupted = {component: n + 1 for component, n in partition.panes.blocks[key].items()}
    producer = AIOKafkaProducer(bootstrap_servers=cluster.settings.kafka.bootstrap_servers)
    await producer.start()
    topic = cluster.settings.topics.panes("feedback")
    pack = msgspec.msgpack.encode
    await producer.send_and_wait(topic, pack(corrupted), key=pack(key), partition=partition.number)
    await producer.stop()


def test_the_audit_finds_a_changed_pane(cluster: ChaosCluster) -> None:
    """The audit finds nothing after a load, and a changed pane afterwards."""
    cluster.publish(load(1_000, now=int(time.time() * 1000), seed=5))
    assert cluster.wait_until_counted(), cluster.logs()

    def audit() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stream.cli", "doctor", "audit"]
        return subprocess.run(
            command, env={**os.environ, **cluster.env}, capture_output=True, text=True, check=False
        )

    audit_before = audit()
    assert (audit_before.returncode, audit_before.stdout[-9:]) == (0, "0 faults\n"), audit_before
    asyncio.run(corrupt_pane(cluster))
    audit_after = audit()
    assert audit_after.returncode == 1
    assert "held" in audit_after.stdout
