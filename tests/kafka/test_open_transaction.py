"""Records of an open transaction are written but cannot be read: the partition says that it is not complete."""

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import envelope
from tests.support import partition_of_key

pytestmark = pytest.mark.kafka

PARTITIONS = 2


def answer(name: str, score: int) -> bytes:
    data = {"feedback_id": name, "customer_id": name, "survey": "nps", "score": score}
    return envelope("cx.feedback.submitted.v1", int(time.time() * 1000), 1, data)


def test_an_open_transaction_uncovers_its_partition_until_it_ends(kafka: str, tmp_path: Path) -> None:
    """The lag grows from the first record that nobody may read, and is 0 again after the commit."""
    names = [next(f"r{i}" for i in range(99) if partition_of_key(f"r{i}", PARTITIONS) == n) for n in (0, 1)]
    with ChaosCluster(kafka, tmp_path, CXGAUGE_TOPICS_PARTITIONS=str(PARTITIONS)) as cluster:
        worker, exporter = cluster.start(), cluster.start("exporter")
        wait(lambda: cluster.ready(exporter), cluster.logs)
        producer = Producer(
            {"bootstrap.servers": kafka, "transactional.id": names[0], "partitioner": "murmur2"}
        )
        producer.init_transactions()
        producer.begin_transaction()
        producer.produce(cluster.settings.topics.feedback, answer(names[1], 0), names[1])
        producer.flush()
        wait(lambda: cluster.checkpoints("feedback")[1].lag_ms >= 30_000, cluster.logs)
        assert cluster.checkpoints("feedback")[0].lag_ms == 0
        wait(lambda: not cluster.ready(exporter), cluster.logs)
        wait(lambda: cluster.samples(exporter)["cx_partitions_covered"] == 3 * PARTITIONS - 1, cluster.logs)
        doctor = cluster.run("doctor")
        assert doctor.returncode == 1
        assert (
            "a publisher's transaction is open, and records after its start cannot be read: partition 1"
            in doctor.stdout
        )
        producer.commit_transaction()
        wait(lambda: cluster.ready(exporter), cluster.logs)
        wait(
            lambda: (
                cluster.samples(exporter)['cx_nps_responses{view="total",window="24h",category="detractor"}']
                == 1
            ),
            cluster.logs,
        )
        assert cluster.checkpoints("feedback")[1].lag_ms == 0
        assert worker.poll() is None
