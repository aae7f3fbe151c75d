"""Batches that cannot be read: their partition stands still, says so, and goes on when they are skipped."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from stream.core.model.unreadable import order_key
from stream.devbroker.kafka import Broker
from tests.chaos.feed import envelope, load
from tests.chaos.rig import ChaosCluster, wait
from tests.kafka.segments import damage, flipped, of_garbage, of_unknown_codec, sealed, segment
from tests.support import partition_of_key

pytestmark = pytest.mark.kafka

KINDS: tuple[Callable[[bytes], bytes], ...] = (
    flipped,
    of_unknown_codec,
    *(of_garbage(codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")),
)
GOOD = len(KINDS)
"""A partition in which everything can be read."""
PARTITIONS = GOOD + 1
EACH = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    """One of our own, so that its segments can be damaged."""
    with Broker(folder=folder) as running:
        yield running


@pytest.fixture
def rig(broker: Broker, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(broker.bootstrap, tmp_path, CXGAUGE_TOPICS_PARTITIONS=str(PARTITIONS)) as made:
        yield made


def run(rig: ChaosCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(command, env={**os.environ, **rig.env}, capture_output=True, text=True, check=False)


def batch_of(partition: int, name: str, n: int = EACH) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of answers that are at home in a partition."""
    now, number = int(time.time() * 1000), 0
    while n:
        key, number = f"{name}-{number}", number + 1
        if partition_of_key(key, PARTITIONS) == partition:
            data = {"feedback_id": key, "customer_id": key, "survey": "nps", "score": 9}
            yield key.encode(), envelope("cx.feedback.submitted.v1", now, number, data)
            n -= 1


def publish(rig: ChaosCluster, partition: int, name: str) -> None:
    """One batch."""
    producer = Producer({"bootstrap.servers": rig.settings.kafka.bootstrap_servers, "linger.ms": 500})
    for key, value in batch_of(partition, name):
        producer.produce(rig.settings.topics.feedback, value, key, partition)
    producer.flush()


def unready(process: Any) -> str:
    """Why a service is not ready."""
    with pytest.raises(HTTPError) as failed:
        urllib.request.urlopen(f"http://127.0.0.1:{process.port}/readyz", timeout=5)
    assert failed.value.code == 503
    with failed.value as answer:
        return answer.read().decode()


def accepted(rig: ChaosCluster) -> dict[int, int]:
    return {n: checkpoint.outcomes.get("accepted", 0) for n, checkpoint in rig.markers("feedback").items()}


def test_every_kind_blocks_its_partition_until_it_is_skipped(rig: ChaosCluster, folder: Path) -> None:
    """Good, bad, good in each partition; a kill in between; what is skipped is counted as skipped, once."""
    topic = rig.settings.topics.feedback
    for name in ("a", "b", "c"):
        for partition in range(PARTITIONS):
            publish(rig, partition, name)
    for partition, change in enumerate(KINDS):
        bad = damage(segment(folder, topic, partition), EACH, change)
        assert (bad.base, bad.end) == (EACH, 2 * EACH)
    stands = dict.fromkeys(range(GOOD), EACH) | {GOOD: 3 * EACH}

    worker, exporter = rig.start(), rig.start("exporter")
    wait(lambda: accepted(rig) == stands, rig.logs)
    names = [f"{topic} partition {n}: the batch at offset {EACH} cannot be read" for n in range(GOOD)]
    wait(lambda: all(name in (rig.get(worker, "/readyz") or "") for name in names), rig.logs)
    for n in range(GOOD):
        sample = f'cxgauge_partition_unreadable_offset{{partition="{n}",topic="cx.feedback"}} {EACH}.0'
        assert sample in (rig.get(worker, "/metrics") or "")
    assert f'partition="{GOOD}",topic="cx.feedback"}} {EACH}.0' not in (rig.get(worker, "/metrics") or "")

    worker.kill()
    worker.wait()
    rig.reap()
    worker = rig.start()
    wait(lambda: all(name in (rig.get(worker, "/readyz") or "") for name in names), rig.logs)
    wait(lambda: min(m.lag_ms for n, m in rig.markers("feedback").items() if n < GOOD) >= 30_000, rig.logs)
    assert rig.markers("feedback")[GOOD].lag_ms == 0
    wait(lambda: rig.samples(exporter)["cx_partitions_covered"] == 3 * PARTITIONS - GOOD, rig.logs)
    assert accepted(rig) == stands
    log = (rig.folder / f"worker-{worker.port}.log").read_text()  # type: ignore[attr-defined]
    assert [log.count(name) for name in names] == [1] * GOOD
    doctor = run(rig, "doctor")
    assert doctor.returncode == 1
    assert all(f"feedback: WRONG {name}" in doctor.stdout for name in names), doctor.stdout

    for n in range(GOOD):
        done = run(rig, "skip", f"{topic}:{n}:{EACH}")
        assert done.returncode == 0, done.stderr
        assert f"Ordered to skip {EACH} records and to continue at offset {2 * EACH}" in done.stdout
    goes_on = dict.fromkeys(range(GOOD), 2 * EACH) | {GOOD: 3 * EACH}
    wait(lambda: accepted(rig) == goes_on, rig.logs)
    wait(lambda: rig.ready(exporter), rig.logs)
    samples = rig.samples(exporter)
    skipped = samples['cx_records_skipped_total{topic="cx.feedback"}']
    read = sum(n for name, n in samples.items() if name.startswith('cx_events_total{topic="cx.feedback"'))
    assert (skipped, read + skipped) == (GOOD * EACH, 3 * EACH * PARTITIONS)
    assert samples['cx_nps_responses{view="total",window="24h",category="promoter"}'] == read
    assert rig.get(worker, "/readyz") == "ok\n"
    assert worker.poll() is None
    assert rig.audit() == []
    assert [p.skip_orders for p in rig.partitions().values() if p.skip_orders] == []
    again = run(rig, "skip", f"{topic}:0:{EACH}")
    assert again.returncode == 1
    assert "is counted, and no batch blocks it" in again.stderr


@pytest.fixture
def damaged(rig: ChaosCluster, folder: Path) -> ChaosCluster:
    """A partition that was counted up to its last batch, which cannot be read."""
    publish(rig, 0, "a")
    publish(rig, 0, "b")
    damage(segment(folder, rig.settings.topics.feedback, 0), EACH, flipped)
    return rig


def test_an_order_is_refused_for_what_does_not_block(damaged: ChaosCluster) -> None:
    """Another topic, partition or offset; a record that can be read. Each text says what is wrong."""
    rig, topic = damaged, damaged.settings.topics.feedback
    assert "can be read" in run(rig, "skip", f"{topic}:0:{EACH}").stderr, "nothing before it is counted yet"
    rig.start()
    wait(lambda: accepted(rig).get(0) == EACH, rig.logs)
    for place, text in (
        (f"{topic}:0:{EACH + 1}", f"the batch that blocks {topic} partition 0 is at offset {EACH}"),
        (f"{topic}:1:0", "no batch blocks it"),
        (f"{topic}:99:0", f"partition: got 99, allowed are 0 to {PARTITIONS - 1}"),
        ("elsewhere:0:0", "topic: got 'elsewhere', allowed are the inputs"),
        (f"{topic}:0", "is not TOPIC:PARTITION:OFFSET"),
    ):
        done = run(rig, "skip", place)
        assert done.returncode != 0
        assert text in done.stderr
    assert not [p for p in rig.partitions().values() if p.skip_orders]


def test_an_order_that_is_given_while_no_worker_runs(damaged: ChaosCluster) -> None:
    """It is carried out by the next one, and by that one only: the batch at the end of a partition, too."""
    rig, topic = damaged, damaged.settings.topics.feedback
    worker = rig.start()
    wait(lambda: accepted(rig).get(0) == EACH, rig.logs)
    wait(lambda: f"{topic} partition 0" in (rig.get(worker, "/readyz") or ""), rig.logs)
    worker.kill()
    worker.wait()
    rig.reap()
    assert run(rig, "skip", f"{topic}:0:{EACH}").returncode == 0
    key = order_key(EACH).decode()
    parts = (key[i:j] for i in range(1, len(key)) for j in range(i + 1, len(key) + 1))
    alike = next(part for part in parts if partition_of_key(part, PARTITIONS) == 0)
    asked = run(rig, "explain", "--customer", alike)
    assert "no stored customer with this ID" in asked.stdout, (
        f"an order was taken for an entity: {asked.stderr}"
    )
    assert rig.audit() == []
    for name in ("c", "d"):
        worker = rig.start()
        publish(rig, 0, name)
        wait(lambda: rig.markers("feedback")[0].lag_ms == 0, rig.logs)
        wait(lambda: accepted(rig)[0] == EACH * (2 if name == "c" else 3), rig.logs)  # noqa: B023
        assert rig.markers("feedback")[0].skipped == EACH
        worker.kill()
        worker.wait()
        rig.reap()
    assert rig.audit() == []


async def send_broken_header(rig: ChaosCluster, partition: int) -> None:
    """A record that any broker takes: the name of its header is no UTF-8."""
    producer = AIOKafkaProducer(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    await producer.start()
    batch = producer.create_batch()
    batch.append(key=b"k", value=b"{}", timestamp=int(time.time() * 1000), headers=[("name", b"x")])
    batch.close()
    raw = sealed(bytes(batch._build()).replace(b"name", b"\xff\xff\xff\xff"))
    batch._build = lambda: raw
    await (await producer.send_batch(batch, rig.settings.topics.feedback, partition=partition))
    await producer.stop()


def test_a_batch_that_comes_while_a_worker_waits_for_it(rig: ChaosCluster) -> None:
    """No damage at all: a header's name that Kafka takes and its client cannot decode. Two workers, a rebalance."""
    topic = rig.settings.topics.feedback
    worker = rig.start()
    publish(rig, 0, "a")
    wait(lambda: accepted(rig).get(0) == EACH, rig.logs)
    asyncio.run(send_broken_header(rig, 0))
    publish(rig, 0, "b")
    name = f"{topic} partition 0: the batch at offset {EACH} cannot be read"
    wait(lambda: name in (rig.get(worker, "/readyz") or ""), rig.logs)
    other = rig.start()
    wait(lambda: rig.ready(other), rig.logs)
    wait(lambda: any(name in (rig.get(one, "/readyz") or "") for one in (worker, other)), rig.logs)
    done = run(rig, "skip", f"{topic}:0:{EACH}")
    assert "Ordered to skip 1 records" in done.stdout, done.stderr
    wait(lambda: accepted(rig)[0] == 2 * EACH, rig.logs)
    assert rig.markers("feedback")[0].skipped == 1
    assert worker.poll() is other.poll() is None


def counted(rig: ChaosCluster) -> None:
    """Some of everything in our own topics; then no worker runs."""
    worker = rig.start()
    rig.publish(load(500, now=int(time.time() * 1000), seed=1, junk=0.3))
    assert rig.settled(), rig.logs()
    worker.terminate()
    worker.wait()
    rig.workers.clear()


def test_state_that_cannot_be_read_is_refused(rig: ChaosCluster, folder: Path) -> None:
    """By the worker with exit 4, by `explain --customer` with the same text."""
    counted(rig)
    topic = rig.settings.topics.state("feedback")
    damage(segment(folder, topic, 0), 0, flipped)
    text = f"{topic} partition 0: the batch at offset 0 cannot be read: the CRC does not match"
    worker = rig.start()
    assert worker.wait(60) == 4
    assert text in rig.logs()
    rig.workers.clear()
    customer = next(key for key, _ in batch_of(0, "x", 1)).decode()
    asked = run(rig, "explain", "--customer", customer)
    assert (asked.returncode, asked.stderr.strip()) == (4, f"Error: {text}")


def test_panes_that_cannot_be_read_are_not_covered(rig: ChaosCluster, folder: Path) -> None:
    """The exporter goes on, without that partition, and says why. `doctor` has one text for it."""
    counted(rig)
    topic = rig.settings.topics.panes("feedback")
    worker = rig.start()
    wait(lambda: rig.ready(worker), rig.logs)
    damage(segment(folder, topic, 0), 0, flipped)
    exporter = rig.start("exporter")
    wait(lambda: rig.samples(exporter).get("cx_partitions_covered") == 3 * PARTITIONS - 1, rig.logs)
    text = f"{topic} partition 0: the batch at offset 0 cannot be read: the CRC does not match"
    assert unready(exporter) == f"1 of {3 * PARTITIONS} partitions are not covered: feedback 0: {text}\n"
    log = rig.folder / f"exporter-{exporter.port}.log"  # type: ignore[attr-defined]
    assert log.read_text().count(text) == 1
    assert exporter.poll() is None
    looked = run(rig, "doctor")
    assert (looked.returncode, looked.stderr.strip()) == (4, f"Error: {text}")


def test_dead_letters_that_cannot_be_read_are_named(rig: ChaosCluster, folder: Path) -> None:
    """One clear text."""
    counted(rig)
    topic = rig.settings.topics.deadletter
    number = next(n for n in range(PARTITIONS) if segment(folder, topic, n).stat().st_size)
    damage(segment(folder, topic, number), 0, flipped)
    listed = run(rig, "deadletter", "ls")
    text = f"Error: {topic} partition {number}: the batch at offset 0 cannot be read: the CRC does not match"
    assert (listed.returncode, listed.stderr.strip()) == (4, text)


def test_a_counted_record_that_cannot_be_read_any_more(rig: ChaosCluster, folder: Path) -> None:
    """The record by which a topic made anew is known: its batch rots after it was counted, and counting goes on."""
    worker = rig.start()
    publish(rig, 0, "a")
    wait(lambda: accepted(rig).get(0) == EACH, rig.logs)
    worker.kill()
    worker.wait()
    rig.reap()
    damage(segment(folder, rig.settings.topics.feedback, 0), 0, flipped)
    worker = rig.start()
    publish(rig, 0, "b")
    wait(lambda: accepted(rig).get(0) == 2 * EACH, rig.logs)
    assert worker.poll() is None


def test_a_batch_that_is_whole_again(damaged: ChaosCluster, folder: Path) -> None:
    """As after a change of the leader: it is counted without a restart, and nothing of it was skipped."""
    rig, topic = damaged, damaged.settings.topics.feedback
    worker = rig.start()
    wait(lambda: f"{topic} partition 0" in (rig.get(worker, "/readyz") or ""), rig.logs)
    damage(segment(folder, topic, 0), EACH, flipped)
    wait(lambda: accepted(rig).get(0) == 2 * EACH, rig.logs)
    wait(lambda: rig.get(worker, "/readyz") == "ok\n", rig.logs)
    assert rig.markers("feedback")[0].blocked_at == -1
    assert rig.settled(), rig.logs()
    assert (rig.folder / f"worker-{worker.port}.log").read_text().count("cannot be read") == 1  # type: ignore[attr-defined]


def test_a_batch_that_the_broker_itself_cannot_read(rig: ChaosCluster, folder: Path) -> None:
    """Its fetches fail, so that the end it named before is no end any more: the lag grows, nobody ends."""
    worker = rig.start()
    publish(rig, 0, "a")
    wait(lambda: accepted(rig).get(0) == EACH, rig.logs)
    wait(lambda: rig.markers("feedback")[0].lag_ms == 0, rig.logs)
    worker.send_signal(signal.SIGSTOP)
    publish(rig, 0, "b")
    path = segment(folder, rig.settings.topics.feedback, 0)
    damage(path, EACH, lambda raw: raw[:8] + (5).to_bytes(4, "big") + raw[12:])
    worker.send_signal(signal.SIGCONT)
    wait(lambda: rig.markers("feedback")[0].lag_ms > 5_000, rig.logs)
    assert rig.markers("feedback")[1].lag_ms == 0
    assert worker.poll() is None
