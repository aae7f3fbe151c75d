"""Feedback through Apache Kafka, with kills, stops, joins and restarts: figures equal the oracle's."""

import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from stream.devbroker.kafka import Broker
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, load
from tests.core.aggregation.feedback.oracle import feedback
from tests.core.aggregation.feedback.test_oracle import by_hour

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


def oracle(cluster: ChaosCluster, sent: list[PublishedRecord]) -> Counter[tuple[Any, ...]]:
    views = dict(cluster.settings.metrics.views)
    return by_hour(feedback([(record.at, record.event) for record in sent if record.event], views))


def publish_in_background(
    cluster: ChaosCluster, records: Any, **options: Any
) -> tuple[threading.Thread, list[PublishedRecord]]:
    sent: list[PublishedRecord] = []
    thread = threading.Thread(target=lambda: sent.extend(cluster.publish(records, **options)))
    thread.start()
    return thread, sent


def check(cluster: ChaosCluster, sent: list[PublishedRecord]) -> None:
    """Compare figures and outcomes, and audit the panes."""
    expected, actual = oracle(cluster, sent), cluster.pane_figures("feedback")
    assert {
        k: (expected[k], actual[k]) for k in expected.keys() | actual.keys() if expected[k] != actual[k]
    } == {}
    assert cluster.audit() == []
    counts, _ = cluster.input_records("feedback")
    read = {n: sum(checkpoint.outcomes.values()) for n, checkpoint in cluster.checkpoints("feedback").items()}
    assert read == dict(counts)


def test_counts_are_exact_with_kills_a_join_a_leave_and_a_zombie(kafka: str, tmp_path: Path) -> None:
    """300,000 events, SIGKILL three times, a second worker joins and leaves, one is suspended past its session."""
    random_ = random.Random(7)
    with ChaosCluster(kafka, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as cluster:
        first = cluster.start()
        wait(lambda: cluster.ready(first), cluster.logs, 60)
        thread, sent = publish_in_background(
            cluster,
            load(300_000, now=int(time.time() * 1000), seed=7),
            rate=6_000,
            partitioner="consistent_random",
        )
        pause = threading.Event()
        for _ in range(3):
            pause.wait(random_.uniform(2, 5))
            cluster.reap()
            cluster.workers[0].kill()
            cluster.workers[0].wait()
            cluster.reap()
            cluster.start()
        second = cluster.start()
        wait(lambda: cluster.ready(second), cluster.logs, 60)
        pause.wait(2)
        second.terminate()
        wait(lambda: second.poll() is not None, cluster.logs, 30)
        assert second.returncode == 0, cluster.logs()
        suspended, other = cluster.workers[0], cluster.start()
        wait(lambda: cluster.ready(other), cluster.logs, 60)
        suspended.send_signal(signal.SIGSTOP)
        pause.wait(9)
        suspended.send_signal(signal.SIGCONT)
        thread.join()
        assert cluster.wait_until_counted(), cluster.logs()
        check(cluster, sent)
        cluster.reap()
        assert not [code for code in cluster.exits if code not in (0, 3, -9)], (cluster.exits, cluster.logs())
        _reset_offsets(cluster)
        check(cluster, sent)


def _reset_offsets(cluster: ChaosCluster) -> None:
    """Reset the offsets of the group. Nothing may be counted twice."""
    for worker in cluster.workers:
        worker.terminate()
    wait(lambda: all(worker.poll() is not None for worker in cluster.workers), cluster.logs, 30)
    cluster.workers.clear()
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.settings.kafka.bootstrap_servers,
            "group.id": cluster.settings.worker.group,
            "enable.auto.commit": False,
        }
    )
    count = cluster.settings.topics.partitions
    consumer.commit(
        offsets=[TopicPartition(cluster.settings.topics.feedback, n, 0) for n in range(count)],
        asynchronous=False,
    )
    consumer.close()
    worker = cluster.start()
    wait(lambda: cluster.ready(worker), cluster.logs, 60)
    assert cluster.wait_until_counted(), cluster.logs()


def test_junk_becomes_dead_letters_with_a_reason(kafka: str, tmp_path: Path) -> None:
    """10 % malformed events become dead letters, outcomes sum to the records read, nothing restarts."""
    with ChaosCluster(kafka, tmp_path) as cluster:
        worker = cluster.start()
        sent = cluster.publish(load(20_000, now=int(time.time() * 1000), seed=3, junk=0.1))
        assert cluster.wait_until_counted(), cluster.logs()
        assert worker.poll() is None
        check(cluster, sent)
        dead_letters = cluster.dead_letters()
        junk = [record for record in sent if record.event is None]
        assert len(dead_letters) == len(junk)
        assert Counter(record.value for record in dead_letters) == Counter(
            record.value[: 256 << 10] for record in junk
        )
        reasons = Counter(dict(record.headers)["cx_reason"].decode() for record in dead_letters)
        outcomes: Counter[str] = Counter()
        for checkpoint in cluster.checkpoints("feedback").values():
            outcomes.update(checkpoint.outcomes)
        assert reasons == {
            o: n for o, n in outcomes.items() if o not in ("accepted", "duplicate", "misrouted")
        }
        assert set(reasons) == {"oversized", "invalid", "unknown_type", "future", "late"}
        for record in dead_letters:
            headers = dict(record.headers)
            assert {"cx_detail", "cx_topic", "cx_partition", "cx_offset", "cx_timestamp"} <= headers.keys()
            assert headers["cx_detail"]


def test_a_worker_survives_a_restart_of_the_broker(tmp_path: Path) -> None:
    """The broker restarts while events are counted, and the worker continues by itself."""
    with (
        Broker() as broker,
        ChaosCluster(broker.bootstrap, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as cluster,
    ):
        worker = cluster.start()
        wait(lambda: cluster.ready(worker), cluster.logs)
        sent = cluster.publish(load(20_000, now=int(time.time() * 1000), seed=21))
        broker.restart()
        sent += cluster.publish(load(20_000, now=int(time.time() * 1000), seed=22, name="again-"))
        assert cluster.wait_until_counted(timeout=150), cluster.logs()
        check(cluster, sent)
        assert worker.poll() is None, cluster.logs()
