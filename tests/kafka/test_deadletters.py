"""Dead letters of real workers: replays with their first timestamps, and a purge while new ones arrive."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, envelope, load
from tests.support import HOUR, partition_of_key

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka: str, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(kafka, tmp_path) as new_cluster:
        new_cluster.start()
        yield new_cluster


def cxgauge(cluster: ChaosCluster, *arguments: str) -> str:
    command = [sys.executable, "-m", "stream.cli", "deadletter", *arguments]
    return subprocess.run(
        command, env={**os.environ, **cluster.env}, check=True, capture_output=True, text=True
    ).stdout


def outcomes(cluster: ChaosCluster) -> dict[str, int]:
    counts: dict[str, int] = {}
    for checkpoint in cluster.checkpoints("feedback").values():
        for outcome, n in checkpoint.outcomes.items():
            counts[outcome] = counts.get(outcome, 0) + n
    return counts


def answer(customer_id: str, at: int) -> bytes:
    data = {"feedback_id": f"f-{customer_id}", "customer_id": customer_id, "survey": "nps", "score": 9}
    return envelope("cx.feedback.submitted.v1", at, 1, data)


def test_replayed_dead_letters_are_counted_once(cluster: ChaosCluster) -> None:
    """A future event is replayed with --rejudge. A misrouted record goes to its partition."""
    now = int(time.time() * 1000)
    producer = Producer({"bootstrap.servers": cluster.settings.kafka.bootstrap_servers})
    feedback, other_partition = cluster.settings.topics.feedback, (partition_of_key("f-lost", 4) + 1) % 4
    producer.produce(
        feedback,
        answer("early", now - HOUR),
        b"f-early",
        partition_of_key("f-early", 4),
        timestamp=now - 3 * HOUR,
    )
    forwarded = [("cx_forwarded", b"1"), ("cx_timestamp", b"%d" % (now - HOUR))]
    producer.produce(feedback, answer("lost", now - HOUR), b"f-lost", other_partition, headers=forwarded)
    producer.flush()
    assert cluster.wait_until_counted(), cluster.logs()
    assert outcomes(cluster) == {"future": 1, "invalid": 1}
    assert (
        cxgauge(cluster, "replay")
        == "1 replayed\n1 not replayed: future or late; --rejudge replays them as of now\n"
    )
    assert cluster.wait_until_counted(), cluster.logs()
    assert cxgauge(cluster, "replay", "--reason", "future", "--rejudge") == "1 replayed\n"
    assert cluster.wait_until_counted(), cluster.logs()
    assert outcomes(cluster) == {"future": 1, "invalid": 1, "accepted": 2}
    cxgauge(cluster, "replay", "--rejudge")
    assert cluster.wait_until_counted(), cluster.logs()
    assert outcomes(cluster) == {"future": 1, "invalid": 1, "accepted": 2, "duplicate": 2}
    assert len(cluster.dead_letters()) == 2


def test_a_purge_keeps_dead_letters_that_arrive_meanwhile(cluster: ChaosCluster) -> None:
    """Dead letters that arrive during the purge stay, only the customer's are removed."""
    now = int(time.time() * 1000)
    customer_records = [
        PublishedRecord(b"gone", b'{"id": %d, "customer_id": "gone"}' % n, now, None) for n in range(50)
    ]
    cluster.publish(
        [
            *load(1_000, now=now, seed=1, junk=0.5),
            *customer_records,
            *load(500, now=now, seed=2, junk=0.5, name="b"),
        ]
    )
    assert cluster.wait_until_counted(), cluster.logs()
    before = [(record.key, record.value, record.timestamp) for record in cluster.dead_letters()]
    command = [sys.executable, "-m", "stream.cli", "deadletter", "purge", "gone"]
    with subprocess.Popen(
        command, env={**os.environ, **cluster.env}, stdout=subprocess.PIPE, text=True
    ) as purge:
        late_count = 0
        while purge.poll() is None:
            timestamp = datetime.now(UTC).isoformat()
            cluster.publish(
                [
                    PublishedRecord(
                        b"late-%d" % late_count,
                        json.dumps({"id": late_count, "at": timestamp}).encode(),
                        now,
                        None,
                    )
                ]
            )
            late_count += 1
        assert purge.stdout is not None
        assert purge.stdout.read().startswith("50 removed, ")
    assert cluster.wait_until_counted(), cluster.logs()

    def all_remain() -> bool:
        """Return True if copies and late dead letters are there, each once."""
        dead_letters = [(record.key, record.value, record.timestamp) for record in cluster.dead_letters()]
        others_before = sorted(record for record in before if record[0] != b"gone")
        late = [record for record in dead_letters if record[0] is not None and record[0].startswith(b"late-")]
        return (
            sorted(record for record in dead_letters if record not in late) == others_before
            and len(late) == late_count > 0
        )

    wait(
        all_remain,
        lambda: (
            f"{len(cluster.dead_letters())} letters, {len(before)} before, {late_count} late\n{cluster.logs()}"
        ),
    )
