"""Compressed records end to end: every codec of librdkafka, and topics compressed by the broker."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from stream.devbroker.kafka import Broker
from tests.chaos.cluster import ChaosCluster, wait
from tests.kafka.segments import batches, segment
from tests.kafka.test_end_to_end import answers

pytestmark = pytest.mark.kafka

PROMOTERS = 'cx_nps_responses{view="total",window="1h",category="promoter"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    """Run a separate broker whose segments can be read."""
    with Broker(folder=folder) as running:
        yield running


def stored_codecs(cluster: ChaosCluster, folder: Path) -> set[str]:
    """Return the codecs of all batches of the feedback topic."""
    topic = cluster.settings.topics.feedback
    return {
        batch.codec
        for number in range(cluster.settings.topics.partitions)
        for batch in batches(segment(folder, topic, number))
    }


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_records_compressed_by_librdkafka_are_counted(
    broker: Broker, folder: Path, tmp_path: Path, codec: str
) -> None:
    """Each codec of a producer, in batches of many records."""
    with ChaosCluster(broker.bootstrap, tmp_path) as cluster:
        cluster.publish(answers(300, 10), **{"compression.type": codec})
        assert stored_codecs(cluster, folder) == {codec}
        worker, exporter = cluster.start(), cluster.start("exporter")
        wait(lambda: cluster.samples(exporter).get(PROMOTERS) == 300, cluster.logs)
        assert worker.poll() is None


def compress(cluster: ChaosCluster, codec: str) -> None:
    """Set the compression of every topic that workers read."""
    topics = cluster.settings.topics
    names = [name(d) for name in (topics.input, topics.state, topics.panes) for d in ("feedback", "tickets")]
    entry = ConfigEntry("compression.type", codec, incremental_operation=AlterConfigOpType.SET)
    resources = [
        ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        for name in [*names, topics.deadletter]
    ]
    client = AdminClient({"bootstrap.servers": cluster.settings.kafka.bootstrap_servers})
    for result_future in client.incremental_alter_configs(resources).values():
        result_future.result(30)


def test_topics_compressed_by_the_broker_are_counted(broker: Broker, folder: Path, tmp_path: Path) -> None:
    """With `compression.type=zstd` on inputs, state and panes, counting continues after a restart."""
    with ChaosCluster(broker.bootstrap, tmp_path) as cluster:
        compress(cluster, "zstd")
        worker, exporter = cluster.start(), cluster.start("exporter")
        wait(lambda: cluster.ready(worker), cluster.logs)
        cluster.publish(answers(300, 10))
        wait(lambda: cluster.samples(exporter).get(PROMOTERS) == 300, cluster.logs)
        assert stored_codecs(cluster, folder) == {"zstd"}
        worker.kill()
        worker.wait()
        cluster.reap()
        cluster.start()
        cluster.publish(answers(100, 9, f"again-{int(time.time())}"))
        wait(lambda: cluster.samples(exporter).get(PROMOTERS) == 400, cluster.logs)
        assert cluster.wait_until_counted(), cluster.logs()
        assert cluster.audit() == []
