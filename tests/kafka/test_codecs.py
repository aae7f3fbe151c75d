"""Compressed records: every codec of librdkafka, and topics that the broker compresses, end to end."""

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
from tests.chaos.rig import ChaosCluster, wait
from tests.kafka.segments import batches, segment
from tests.kafka.test_end_to_end import answers

pytestmark = pytest.mark.kafka

PROMOTERS = 'cx_nps_responses{view="total",window="1h",category="promoter"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    """One of our own, so that its segments can be looked at."""
    with Broker(folder=folder) as running:
        yield running


def stored(rig: ChaosCluster, folder: Path) -> set[str]:
    """The codecs of all batches of the feedback."""
    topic = rig.settings.topics.feedback
    return {
        batch.codec
        for number in range(rig.settings.topics.partitions)
        for batch in batches(segment(folder, topic, number))
    }


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_what_librdkafka_compresses_is_counted(
    broker: Broker, folder: Path, tmp_path: Path, codec: str
) -> None:
    """Each codec of a producer, in batches of many records."""
    with ChaosCluster(broker.bootstrap, tmp_path) as rig:
        rig.publish(answers(300, 10), **{"compression.type": codec})
        assert stored(rig, folder) == {codec}
        worker, exporter = rig.start(), rig.start("exporter")
        wait(lambda: rig.samples(exporter).get(PROMOTERS) == 300, rig.logs)
        assert worker.poll() is None


def compress(rig: ChaosCluster, codec: str) -> None:
    """Let the broker compress every topic that workers read."""
    topics = rig.settings.topics
    names = [name(d) for name in (topics.input, topics.state, topics.panes) for d in ("feedback", "tickets")]
    entry = ConfigEntry("compression.type", codec, incremental_operation=AlterConfigOpType.SET)
    wanted = [
        ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        for name in [*names, topics.deadletter]
    ]
    client = AdminClient({"bootstrap.servers": rig.settings.kafka.bootstrap_servers})
    for done in client.incremental_alter_configs(wanted).values():
        done.result(30)


def test_topics_that_the_broker_compresses(broker: Broker, folder: Path, tmp_path: Path) -> None:
    """`compression.type=zstd` on inputs, state and panes: counted, and gone on with after a restart."""
    with ChaosCluster(broker.bootstrap, tmp_path) as rig:
        compress(rig, "zstd")
        worker, exporter = rig.start(), rig.start("exporter")
        wait(lambda: rig.ready(worker), rig.logs)
        rig.publish(answers(300, 10))
        wait(lambda: rig.samples(exporter).get(PROMOTERS) == 300, rig.logs)
        assert stored(rig, folder) == {"zstd"}
        worker.kill()
        worker.wait()
        rig.reap()
        rig.start()
        rig.publish(answers(100, 9, f"again-{int(time.time())}"))
        wait(lambda: rig.samples(exporter).get(PROMOTERS) == 400, rig.logs)
        assert rig.settled(), rig.logs()
        assert rig.audit() == []
