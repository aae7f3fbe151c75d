"""Unreadable batches block their partition, are reported, and can be skipped."""

import asyncio
import signal
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
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import envelope, load
from tests.kafka.segments import (
    batches,
    damage,
    segment,
    with_flipped_bit,
    with_garbage_payload,
    with_unknown_codec,
    with_valid_crc,
)
from tests.support import partition_of_key

pytestmark = pytest.mark.kafka

DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    with_flipped_bit,
    with_unknown_codec,
    *(with_garbage_payload(codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")),
)
INTACT_PARTITION = len(DAMAGES)
"""The partition without damage."""
PARTITIONS = INTACT_PARTITION + 1
BATCH_RECORDS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    """Run a separate broker whose segments can be damaged."""
    with Broker(folder=folder) as new_broker:
        yield new_broker


@pytest.fixture
def cluster(broker: Broker, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(broker.bootstrap, tmp_path, CXGAUGE_TOPICS_PARTITIONS=str(PARTITIONS)) as new_cluster:
        yield new_cluster


def keys_and_values(partition: int, prefix: str, n: int = BATCH_RECORDS) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of answers that belong to a partition."""
    now, number = int(time.time() * 1000), 0
    while n:
        key, number = f"{prefix}-{number}", number + 1
        if partition_of_key(key, PARTITIONS) == partition:
            data = {"feedback_id": key, "customer_id": key, "survey": "nps", "score": 9}
            yield key.encode(), envelope("cx.feedback.submitted.v1", now, number, data)
            n -= 1


def publish(cluster: ChaosCluster, partition: int, name: str) -> None:
    """Publish one batch: no record is sent before the flush, however slow the machine is."""
    producer = Producer({"bootstrap.servers": cluster.settings.kafka.bootstrap_servers, "linger.ms": 60_000})
    for key, value in keys_and_values(partition, name):
        producer.produce(cluster.settings.topics.feedback, value, key, partition)
    producer.flush()


def unready_reason(process: Any) -> str:
    """Return why a service is not ready."""
    with pytest.raises(HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{process.port}/readyz", timeout=5)
    assert caught.value.code == 503
    with caught.value as answer:
        return answer.read().decode()


def accepted(cluster: ChaosCluster) -> dict[int, int]:
    return {
        n: checkpoint.outcomes.get("accepted", 0) for n, checkpoint in cluster.checkpoints("feedback").items()
    }


def test_every_kind_of_damage_blocks_its_partition_until_it_is_skipped(
    cluster: ChaosCluster, folder: Path
) -> None:
    """Each partition has an intact, a damaged and an intact batch.

    After a kill, skipped records are counted once.
    """
    topic = cluster.settings.topics.feedback
    for name in ("a", "b", "c"):
        for partition in range(PARTITIONS):
            publish(cluster, partition, name)
    for partition, change in enumerate(DAMAGES):
        damaged_batch = damage(segment(folder, topic, partition), BATCH_RECORDS, change)
        assert (damaged_batch.base, damaged_batch.end) == (BATCH_RECORDS, 2 * BATCH_RECORDS)
    accepted_before = dict.fromkeys(range(INTACT_PARTITION), BATCH_RECORDS) | {
        INTACT_PARTITION: 3 * BATCH_RECORDS
    }

    worker, exporter = cluster.start(), cluster.start("exporter")
    wait(lambda: accepted(cluster) == accepted_before, cluster.logs)
    names = [
        f"{topic} partition {n}: the batch at offset {BATCH_RECORDS} cannot be read"
        for n in range(INTACT_PARTITION)
    ]
    wait(lambda: all(name in (cluster.get(worker, "/readyz") or "") for name in names), cluster.logs)
    for n in range(INTACT_PARTITION):
        sample = (
            f'cxgauge_partition_unreadable_offset{{partition="{n}",topic="cx.feedback"}} {BATCH_RECORDS}.0'
        )
        assert sample in (cluster.get(worker, "/metrics") or "")
    assert f'partition="{INTACT_PARTITION}",topic="cx.feedback"}} {BATCH_RECORDS}.0' not in (
        cluster.get(worker, "/metrics") or ""
    )

    worker.kill()
    worker.wait()
    cluster.reap()
    worker = cluster.start()
    wait(lambda: all(name in (cluster.get(worker, "/readyz") or "") for name in names), cluster.logs)
    wait(
        lambda: (
            min(
                checkpoint.lag_ms
                for n, checkpoint in cluster.checkpoints("feedback").items()
                if n < INTACT_PARTITION
            )
            >= 30_000
        ),
        cluster.logs,
    )
    assert cluster.checkpoints("feedback")[INTACT_PARTITION].lag_ms == 0
    wait(
        lambda: cluster.samples(exporter)["cx_partitions_covered"] == 3 * PARTITIONS - INTACT_PARTITION,
        cluster.logs,
    )
    assert accepted(cluster) == accepted_before
    log = (cluster.folder / f"worker-{worker.port}.log").read_text()  # type: ignore[attr-defined]
    assert [log.count(name) for name in names] == [1] * INTACT_PARTITION
    doctor = cluster.run("doctor")
    assert doctor.returncode == 1
    assert all(f"feedback: WRONG {name}" in doctor.stdout for name in names), doctor.stdout

    for n in range(INTACT_PARTITION):
        result = cluster.run("skip", f"{topic}:{n}:{BATCH_RECORDS}")
        assert result.returncode == 0, result.stderr
        assert (
            f"Ordered to skip {BATCH_RECORDS} records and to continue at offset {2 * BATCH_RECORDS}"
            in result.stdout
        )
    accepted_after = dict.fromkeys(range(INTACT_PARTITION), 2 * BATCH_RECORDS) | {
        INTACT_PARTITION: 3 * BATCH_RECORDS
    }
    wait(lambda: accepted(cluster) == accepted_after, cluster.logs)
    wait(lambda: cluster.ready(exporter), cluster.logs)

    def skipped_and_read() -> tuple[float, float]:
        samples = cluster.samples(exporter)
        skipped = samples['cx_records_skipped_total{topic="cx.feedback"}']
        read = sum(n for name, n in samples.items() if name.startswith('cx_events_total{topic="cx.feedback"'))
        return skipped, skipped + read

    # The exporter may be ready a refresh before it shows the last flush.
    expected = INTACT_PARTITION * BATCH_RECORDS, 3 * BATCH_RECORDS * PARTITIONS
    wait(lambda: skipped_and_read() == expected, cluster.logs)
    promoters = cluster.samples(exporter)['cx_nps_responses{view="total",window="24h",category="promoter"}']
    assert promoters == expected[1] - expected[0]
    assert cluster.get(worker, "/readyz") == "ok\n"
    assert worker.poll() is None
    assert cluster.audit() == []
    assert [p.skip_orders for p in cluster.partitions().values() if p.skip_orders] == []
    result = cluster.run("skip", f"{topic}:0:{BATCH_RECORDS}")
    assert result.returncode == 1
    assert "is counted, and no batch blocks it" in result.stderr


@pytest.fixture
def damaged(cluster: ChaosCluster, folder: Path) -> ChaosCluster:
    """A partition whose last batch is unreadable."""
    publish(cluster, 0, "a")
    publish(cluster, 0, "b")
    damage(segment(folder, cluster.settings.topics.feedback, 0), BATCH_RECORDS, with_flipped_bit)
    return cluster


def test_an_order_for_a_readable_batch_is_refused(damaged: ChaosCluster) -> None:
    """Another topic, partition or offset, or a readable record. Each message names the error."""
    cluster, topic = damaged, damaged.settings.topics.feedback
    assert "can be read" in cluster.run("skip", f"{topic}:0:{BATCH_RECORDS}").stderr, (
        "nothing before it is counted yet"
    )
    cluster.start()
    wait(lambda: accepted(cluster).get(0) == BATCH_RECORDS, cluster.logs)
    for position, text in (
        (
            f"{topic}:0:{BATCH_RECORDS + 1}",
            f"the batch that blocks {topic} partition 0 is at offset {BATCH_RECORDS}",
        ),
        (f"{topic}:1:0", "no batch blocks it"),
        (f"{topic}:99:0", f"partition: got 99, allowed are 0 to {PARTITIONS - 1}"),
        ("elsewhere:0:0", "topic: got 'elsewhere', allowed are the inputs"),
        (f"{topic}:0", "is not TOPIC:PARTITION:OFFSET"),
    ):
        result = cluster.run("skip", position)
        assert result.returncode != 0
        assert text in result.stderr
    assert not [p for p in cluster.partitions().values() if p.skip_orders]


def test_an_order_waits_for_the_next_worker(damaged: ChaosCluster) -> None:
    """The next worker executes it, and only that one, also for the last batch of a partition."""
    cluster, topic = damaged, damaged.settings.topics.feedback
    worker = cluster.start()
    wait(lambda: accepted(cluster).get(0) == BATCH_RECORDS, cluster.logs)
    wait(lambda: f"{topic} partition 0" in (cluster.get(worker, "/readyz") or ""), cluster.logs)
    worker.kill()
    worker.wait()
    cluster.reap()
    assert cluster.run("skip", f"{topic}:0:{BATCH_RECORDS}").returncode == 0
    key = order_key(BATCH_RECORDS).decode()
    parts = (key[i:j] for i in range(1, len(key)) for j in range(i + 1, len(key) + 1))
    similar_id = next(part for part in parts if partition_of_key(part, PARTITIONS) == 0)
    result = cluster.run("explain", "--customer", similar_id)
    assert "no stored customer with this ID" in result.stdout, (
        f"an order was taken for an entity: {result.stderr}"
    )
    assert cluster.audit() == []
    for name in ("c", "d"):
        worker = cluster.start()
        publish(cluster, 0, name)
        wait(lambda: cluster.checkpoints("feedback")[0].lag_ms == 0, cluster.logs)
        wait(lambda: accepted(cluster)[0] == BATCH_RECORDS * (2 if name == "c" else 3), cluster.logs)  # noqa: B023
        assert cluster.checkpoints("feedback")[0].skipped == BATCH_RECORDS
        worker.kill()
        worker.wait()
        cluster.reap()
    assert cluster.audit() == []


async def send_broken_header(cluster: ChaosCluster, partition: int) -> None:
    """Publish a record that the broker accepts, with a header name that is not UTF-8."""
    producer = AIOKafkaProducer(bootstrap_servers=cluster.settings.kafka.bootstrap_servers)
    await producer.start()
    batch = producer.create_batch()
    batch.append(key=b"k", value=b"{}", timestamp=int(time.time() * 1000), headers=[("name", b"x")])
    batch.close()
    raw = with_valid_crc(bytes(batch._build()).replace(b"name", b"\xff\xff\xff\xff"))
    batch._build = lambda: raw
    await (await producer.send_batch(batch, cluster.settings.topics.feedback, partition=partition))
    await producer.stop()


def test_an_unreadable_batch_that_arrives_while_a_worker_runs_is_skipped(cluster: ChaosCluster) -> None:
    """The broker accepts a header name that the client cannot decode. Two workers rebalance."""
    topic = cluster.settings.topics.feedback
    worker = cluster.start()
    publish(cluster, 0, "a")
    wait(lambda: accepted(cluster).get(0) == BATCH_RECORDS, cluster.logs)
    asyncio.run(send_broken_header(cluster, 0))
    publish(cluster, 0, "b")
    name = f"{topic} partition 0: the batch at offset {BATCH_RECORDS} cannot be read"
    wait(lambda: name in (cluster.get(worker, "/readyz") or ""), cluster.logs)
    other_worker = cluster.start()
    wait(lambda: cluster.ready(other_worker), cluster.logs)
    wait(
        lambda: any(name in (cluster.get(process, "/readyz") or "") for process in (worker, other_worker)),
        cluster.logs,
    )
    result = cluster.run("skip", f"{topic}:0:{BATCH_RECORDS}")
    assert "Ordered to skip 1 records" in result.stdout, result.stderr
    wait(lambda: accepted(cluster)[0] == 2 * BATCH_RECORDS, cluster.logs)
    assert cluster.checkpoints("feedback")[0].skipped == 1
    assert worker.poll() is other_worker.poll() is None


def count_some_events(cluster: ChaosCluster) -> None:
    """Count events of every kind, and stop the worker."""
    worker = cluster.start()
    cluster.publish(load(500, now=int(time.time() * 1000), seed=1, junk=0.3))
    assert cluster.wait_until_counted(), cluster.logs()
    worker.terminate()
    worker.wait()
    cluster.workers.clear()


def test_unreadable_state_is_refused(cluster: ChaosCluster, folder: Path) -> None:
    """The worker exits with 4, and `explain --customer` fails with the same message."""
    count_some_events(cluster)
    topic = cluster.settings.topics.state("feedback")
    damage(segment(folder, topic, 0), 0, with_flipped_bit)
    text = f"{topic} partition 0: the batch at offset 0 cannot be read: the CRC does not match"
    worker = cluster.start()
    assert worker.wait(60) == 4
    assert text in cluster.logs()
    cluster.workers.clear()
    customer = next(key for key, _ in keys_and_values(0, "x", 1)).decode()
    result = cluster.run("explain", "--customer", customer)
    assert (result.returncode, result.stderr.strip()) == (4, f"Error: {text}")


def test_unreadable_panes_are_not_covered(cluster: ChaosCluster, folder: Path) -> None:
    """The exporter continues without that partition and reports why."""
    count_some_events(cluster)
    topic = cluster.settings.topics.panes("feedback")
    worker = cluster.start()
    wait(lambda: cluster.ready(worker), cluster.logs)
    damage(segment(folder, topic, 0), 0, with_flipped_bit)
    exporter = cluster.start("exporter")
    wait(lambda: cluster.samples(exporter).get("cx_partitions_covered") == 3 * PARTITIONS - 1, cluster.logs)
    text = f"{topic} partition 0: the batch at offset 0 cannot be read: the CRC does not match"
    assert (
        unready_reason(exporter) == f"1 of {3 * PARTITIONS} partitions are not covered: feedback 0: {text}\n"
    )
    log = cluster.folder / f"exporter-{exporter.port}.log"  # type: ignore[attr-defined]
    errors = [line for line in log.read_text().splitlines() if " ERROR " in line]
    assert [text in line for line in errors] == [True]
    assert exporter.poll() is None


def test_an_unreadable_checkpoint_is_reported_by_doctor(cluster: ChaosCluster, folder: Path) -> None:
    """It reads the newest records of the panes, the last but one of which is no end of a transaction."""
    count_some_events(cluster)
    topic = cluster.settings.topics.panes("feedback")
    path = segment(folder, topic, 0)
    *_, newest, _ = batches(path)
    damage(path, newest.base, with_flipped_bit)
    result = cluster.run("doctor")
    text = f"{topic} partition 0: the batch at offset {newest.base} cannot be read: the CRC does not match"
    assert (result.returncode, result.stderr.strip()) == (4, f"Error: {text}")


def test_unreadable_dead_letters_are_reported(cluster: ChaosCluster, folder: Path) -> None:
    """The error is one line."""
    count_some_events(cluster)
    topic = cluster.settings.topics.deadletter
    number = next(n for n in range(PARTITIONS) if segment(folder, topic, n).stat().st_size)
    damage(segment(folder, topic, number), 0, with_flipped_bit)
    result = cluster.run("deadletter", "ls")
    text = f"Error: {topic} partition {number}: the batch at offset 0 cannot be read: the CRC does not match"
    assert (result.returncode, result.stderr.strip()) == (4, text)


def test_a_batch_damaged_after_it_was_counted_does_not_block(cluster: ChaosCluster, folder: Path) -> None:
    """The batch with the record that identifies the topic is damaged after it was counted."""
    worker = cluster.start()
    publish(cluster, 0, "a")
    wait(lambda: accepted(cluster).get(0) == BATCH_RECORDS, cluster.logs)
    worker.kill()
    worker.wait()
    cluster.reap()
    damage(segment(folder, cluster.settings.topics.feedback, 0), 0, with_flipped_bit)
    worker = cluster.start()
    publish(cluster, 0, "b")
    wait(lambda: accepted(cluster).get(0) == 2 * BATCH_RECORDS, cluster.logs)
    assert worker.poll() is None


def test_a_repaired_batch_is_counted_without_a_restart(damaged: ChaosCluster, folder: Path) -> None:
    """As after a change of the leader, the batch is counted and nothing of it is skipped."""
    cluster, topic = damaged, damaged.settings.topics.feedback
    worker = cluster.start()
    wait(lambda: f"{topic} partition 0" in (cluster.get(worker, "/readyz") or ""), cluster.logs)
    damage(segment(folder, topic, 0), BATCH_RECORDS, with_flipped_bit)
    wait(lambda: accepted(cluster).get(0) == 2 * BATCH_RECORDS, cluster.logs)
    wait(lambda: cluster.get(worker, "/readyz") == "ok\n", cluster.logs)
    assert cluster.checkpoints("feedback")[0].blocked_at == -1
    assert cluster.wait_until_counted(), cluster.logs()
    assert (cluster.folder / f"worker-{worker.port}.log").read_text().count("cannot be read") == 1  # type: ignore[attr-defined]


def test_a_batch_that_the_broker_cannot_read_increases_the_lag(cluster: ChaosCluster, folder: Path) -> None:
    """Its fetches fail, the lag grows, and the worker keeps running."""
    worker = cluster.start()
    publish(cluster, 0, "a")
    wait(lambda: accepted(cluster).get(0) == BATCH_RECORDS, cluster.logs)
    wait(lambda: cluster.checkpoints("feedback")[0].lag_ms == 0, cluster.logs)
    worker.send_signal(signal.SIGSTOP)
    publish(cluster, 0, "b")
    path = segment(folder, cluster.settings.topics.feedback, 0)
    damage(path, BATCH_RECORDS, lambda raw: raw[:8] + (5).to_bytes(4, "big") + raw[12:])
    worker.send_signal(signal.SIGCONT)
    wait(lambda: cluster.checkpoints("feedback")[0].lag_ms > 5_000, cluster.logs)
    assert cluster.checkpoints("feedback")[1].lag_ms == 0
    assert worker.poll() is None
