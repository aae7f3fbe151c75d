"""Feedback through Apache Kafka while workers are killed, stopped, joined and restarted: difference 0."""

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
from tests.chaos.feed import Sent, load
from tests.chaos.rig import ChaosCluster, wait
from tests.core.aggregation.feedback.oracle import feedback
from tests.core.aggregation.feedback.test_oracle import by_hour

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


def oracle(rig: ChaosCluster, sent: list[Sent]) -> Counter[tuple[Any, ...]]:
    views = dict(rig.settings.metrics.views)
    return by_hour(feedback([(one.at, one.event) for one in sent if one.event], views))


def background(rig: ChaosCluster, load_: Any, **how: Any) -> tuple[threading.Thread, list[Sent]]:
    sent: list[Sent] = []
    thread = threading.Thread(target=lambda: sent.extend(rig.publish(load_, **how)))
    thread.start()
    return thread, sent


def check(rig: ChaosCluster, sent: list[Sent]) -> None:
    """Figures, outcomes and audit."""
    want, held = oracle(rig, sent), rig.held("feedback")
    assert {k: (want[k], held[k]) for k in want.keys() | held.keys() if want[k] != held[k]} == {}
    assert rig.audit() == []
    counts, _ = rig.source("feedback")
    read = {n: sum(checkpoint.outcomes.values()) for n, checkpoint in rig.markers("feedback").items()}
    assert read == dict(counts)


def test_kills_a_join_a_leave_and_a_zombie(kafka: str, tmp_path: Path) -> None:
    """300,000 events; SIGKILL three times at random, a second worker joins and leaves, one sleeps past its session."""
    rng = random.Random(7)
    with ChaosCluster(kafka, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as rig:
        first = rig.start()
        wait(lambda: rig.ready(first), rig.logs, 60)
        thread, sent = background(
            rig,
            load(300_000, now=int(time.time() * 1000), seed=7),
            rate=6_000,
            partitioner="consistent_random",
        )
        pause = threading.Event()
        for _ in range(3):
            pause.wait(rng.uniform(2, 5))
            rig.reap()
            rig.workers[0].kill()
            rig.workers[0].wait()
            rig.reap()
            rig.start()
        second = rig.start()
        wait(lambda: rig.ready(second), rig.logs, 60)
        pause.wait(2)
        second.terminate()
        wait(lambda: second.poll() is not None, rig.logs, 30)
        assert second.returncode == 0, rig.logs()
        sleeper, other = rig.workers[0], rig.start()
        wait(lambda: rig.ready(other), rig.logs, 60)
        sleeper.send_signal(signal.SIGSTOP)
        pause.wait(9)
        sleeper.send_signal(signal.SIGCONT)
        thread.join()
        assert rig.settled(), rig.logs()
        check(rig, sent)
        rig.reap()
        assert not [code for code in rig.exits if code not in (0, 3, -9)], (rig.exits, rig.logs())
        _reset_offsets(rig)
        check(rig, sent)


def _reset_offsets(rig: ChaosCluster) -> None:
    """The group's offsets back to the beginning over the same state: nothing is counted twice."""
    for worker in rig.workers:
        worker.terminate()
    wait(lambda: all(worker.poll() is not None for worker in rig.workers), rig.logs, 30)
    rig.workers.clear()
    consumer = Consumer(
        {
            "bootstrap.servers": rig.settings.kafka.bootstrap_servers,
            "group.id": rig.settings.worker.group,
            "enable.auto.commit": False,
        }
    )
    count = rig.settings.topics.partitions
    consumer.commit(
        offsets=[TopicPartition(rig.settings.topics.feedback, n, 0) for n in range(count)], asynchronous=False
    )
    consumer.close()
    again = rig.start()
    wait(lambda: rig.ready(again), rig.logs, 60)
    assert rig.settled(), rig.logs()


def test_junk_is_buried_with_its_reason_and_costs_nothing_else(kafka: str, tmp_path: Path) -> None:
    """10 % malformed events of every kind: each in the dead letters, read = the sum of outcomes, no restart."""
    with ChaosCluster(kafka, tmp_path) as rig:
        worker = rig.start()
        sent = rig.publish(load(20_000, now=int(time.time() * 1000), seed=3, junk=0.1))
        assert rig.settled(), rig.logs()
        assert worker.poll() is None
        check(rig, sent)
        buried = rig.dead()
        junk = [one for one in sent if one.event is None]
        assert len(buried) == len(junk)
        assert Counter(record.value for record in buried) == Counter(one.value[: 256 << 10] for one in junk)
        reasons = Counter(dict(record.headers)["cx_reason"].decode() for record in buried)
        outcomes: Counter[str] = Counter()
        for checkpoint in rig.markers("feedback").values():
            outcomes.update(checkpoint.outcomes)
        assert reasons == {
            o: n for o, n in outcomes.items() if o not in ("accepted", "duplicate", "misrouted")
        }
        assert set(reasons) == {"oversized", "invalid", "unknown_type", "future", "late"}
        for record in buried:
            headers = dict(record.headers)
            assert {"cx_detail", "cx_topic", "cx_partition", "cx_offset", "cx_timestamp"} <= headers.keys()
            assert headers["cx_detail"]


def test_a_broker_restart_is_waited_for(tmp_path: Path) -> None:
    """The broker goes and comes back while events are being counted: the worker begins again by itself."""
    with (
        Broker() as broker,
        ChaosCluster(broker.bootstrap, tmp_path, CXGAUGE_WORKER_SESSION_TIMEOUT="6s") as rig,
    ):
        worker = rig.start()
        wait(lambda: rig.ready(worker), rig.logs)
        sent = rig.publish(load(20_000, now=int(time.time() * 1000), seed=21))
        broker.restart()
        sent += rig.publish(load(20_000, now=int(time.time() * 1000), seed=22, name="again-"))
        assert rig.settled(deadline=150), rig.logs()
        check(rig, sent)
        assert worker.poll() is None, rig.logs()
