"""The bridge on Apache Kafka: kills, takeovers and rebalances under load, and the records that it sends."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from stream.bridge.options import BridgeOptions, default_group
from stream.bridge.partition_writer import PartitionWriter, transactional_producer
from stream.bridge.positions import committed_offsets, group_reader
from stream.clock import wall_ms
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.devbroker.kafka import Broker
from stream.kafka.client import running
from stream.kafka.faults import is_fenced
from tests.bridge.bridges import MAX_SCORE, BridgeCluster, answer
from tests.chaos.cluster import wait
from tests.support import DAY, NOW

pytestmark = pytest.mark.kafka

KILLS, RATE = 5, 500


def options_of(cluster: BridgeCluster) -> BridgeOptions:
    """Return the options of a bridge without arguments."""
    return BridgeOptions(cluster.source, default_group(cluster.source), "beginning", "record", once=False)


def test_every_record_has_one_event_after_kills(kafka: str, tmp_path: Path) -> None:
    """SIGKILL of bridges under load, soon after they take partitions over with a backlog. Every 50th record is a dead letter."""
    random, pause, numbers = Random(3), Event(), count()
    sent: list[int] = []
    sending_stops = Event()

    def values() -> Iterator[bytes]:
        while not sending_stops.is_set():
            sent.append(next(numbers))
            yield answer(sent[-1], MAX_SCORE + 1 if sent[-1] % 50 == 0 else 9)

    with BridgeCluster(kafka, tmp_path) as cluster:
        cluster.create_source()
        sending = Thread(target=cluster.send, args=(values(),), kwargs={"rate": RATE})
        sending.start()
        try:
            for _ in range(KILLS):
                while sum(process.poll() is None for process in cluster.bridges) < 2:
                    cluster.bridge()
                wait(lambda: any(map(cluster.is_assigned, cluster.bridges)), cluster.logs)
                pause.wait(random.uniform(0.0, 0.7))
                victim = random.choice([p for p in cluster.bridges if cluster.is_assigned(p)])
                victim.kill()
                victim.wait()
        finally:
            sending_stops.set()
            sending.join()
        for process in cluster.bridges:
            process.terminate()
            process.wait()
        finished = cluster.bridge_once()
        assert finished.returncode == 0, finished.stderr
        exits = {process.returncode for process in cluster.bridges if "Assigned" in cluster.log_of(process)}
        ids, dead = cluster.ids(), cluster.dead()
        assert Counter(n for n in sent if n % 50) == ids, cluster.logs()
        assert set(dead.values()) == {1}
        assert len(dead) == sum(n % 50 == 0 for n in sent)
        assert exits <= {-signal.SIGKILL, 0, 3}


def test_a_bridge_takes_over_from_one_that_hangs(kafka: str, tmp_path: Path) -> None:
    """SIGSTOP of the only bridge. It resumes when another has its partitions: then it is fenced, or joins the group once more."""
    sent = range(4_000)
    with BridgeCluster(kafka, tmp_path) as cluster:
        cluster.create_source()
        cluster.send(map(answer, sent[:2_000]))
        first = cluster.bridge()
        wait(lambda: cluster.is_assigned(first), cluster.logs)
        first.send_signal(signal.SIGSTOP)
        second = cluster.bridge()
        cluster.send(map(answer, sent[2_000:]))
        wait(lambda: len(cluster.ids()) == len(sent), cluster.logs)
        first.send_signal(signal.SIGCONT)
        assert cluster.bridge_once().returncode == 0
        for process in (first, second):
            process.terminate()
            process.wait()
        assert first.returncode in {0, 3}, cluster.logs()
        assert second.returncode == 0, cluster.logs()
        assert cluster.ids() == Counter(sent)


def test_a_fenced_bridge_exits_with_3(kafka: str, tmp_path: Path) -> None:
    with BridgeCluster(kafka, tmp_path, partitions=1) as cluster:
        cluster.create_source()
        cluster.send([answer(0)])
        bridge = cluster.bridge()
        wait(lambda: cluster.ids() == Counter([0]), cluster.logs)

        async def fence() -> None:
            async with running(transactional_producer(cluster.settings, options_of(cluster), "0")):
                pass

        asyncio.run(fence())
        cluster.send([answer(1)])
        assert bridge.wait(60) == 3, cluster.logs()
        assert "another bridge has taken over" in cluster.log_of(bridge)
        assert cluster.ids() == Counter([0])
        assert cluster.bridge_once().returncode == 0
        assert cluster.ids() == Counter([0, 1])


def test_only_the_owner_of_a_partition_writes_and_commits(kafka: str, tmp_path: Path) -> None:
    """A former owner's open transaction is aborted, and one that is revoked aborts its own."""

    async def take_over(cluster: BridgeCluster) -> dict[TopicPartition, int]:
        options, tp = options_of(cluster), TopicPartition(cluster.source, 0)
        former, owner = (PartitionWriter(cluster.settings, options, tp) for _ in range(2))
        record = OutgoingRecord("feedback", None, b"r-1", b'{"id":"1"}', NOW, [])
        try:
            await former.open()
            former.is_revoked = True
            assert not await former.write([record], 7)
            former.is_revoked = False
            producer: AIOKafkaProducer = former._producer
            await producer.begin_transaction()
            await producer.send_and_wait(cluster.settings.topics.feedback, b'{"id":"2"}')
            await producer.send_offsets_to_transaction({tp: 8}, options.group)
            await owner.open()
            async with running(group_reader(cluster.settings, options)) as consumer:
                consumer.assign([tp])
                assert await committed_offsets(consumer, [tp]) == {}
                assert await owner.write([record], 9)
                with pytest.raises(KafkaError) as raised:
                    await producer.commit_transaction()
                assert is_fenced(raised.value)
                with pytest.raises(KafkaError) as raised:
                    await former.write([record], 10)
                assert is_fenced(raised.value)
                await asyncio.wait_for(_until_committed(consumer, tp), 10)
                return await committed_offsets(consumer, [tp])
        finally:
            await former.close()
            await owner.close()

    with BridgeCluster(kafka, tmp_path, partitions=1) as cluster:
        cluster.create_source()
        assert set(asyncio.run(take_over(cluster)).values()) == {9}
        assert cluster.ids() == Counter([1])


async def _until_committed(consumer: object, tp: TopicPartition) -> None:
    while not await committed_offsets(consumer, [tp]):  # type: ignore[arg-type]  # noqa: ASYNC110 - Kafka sends no event
        await asyncio.sleep(0.05)


def test_records_get_their_outcome_key_timestamp_and_topic(kafka: str, tmp_path: Path) -> None:
    """Ignored ones, tombstones, dead letters. Then the worker counts the events, with the markers of transactions after them."""
    with BridgeCluster(kafka, tmp_path, partitions=1) as cluster:
        cluster.create_source()
        values = [
            answer(1),
            None,
            b'{"kind":"other"}',
            answer(2, MAX_SCORE + 1),
            b"\0\0\0\0\7abc",
            b"{",
            b"null",
        ]
        written = wall_ms() - 80 * DAY
        cluster.send(values, key=b"k", timestamp=written, headers=[("trace", b"t")])
        old = cluster.bridge_once()
        assert old.returncode == 4
        assert "keeps records for 75d, so Kafka would soon delete it" in old.stderr
        assert (cluster.ids(), cluster.dead()) == (Counter(), Counter())
        printed = cluster.bridge_once("--timestamps", "now", "--dry-run")
        assert printed.returncode == 1
        assert json.loads(printed.stdout)["id"] == "1"
        assert f"{cluster.source}:0:3: mapping.toml: rule 1" in printed.stderr
        assert (
            "7 records: 1 mapped, 3 ignored, 3 in dead letters; 1 events; nothing was sent" in printed.stderr
        )
        assert cluster.dead() == Counter()
        finished = cluster.bridge_once("--timestamps", "now")
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == "7 records: 1 mapped, 3 ignored, 3 in dead letters; 1 events\n"
        assert cluster.bridge_once("--dry-run").stderr.startswith("0 records")
        dead = {int(dict(r.headers)["cx_offset"]): (r, dict(r.headers)) for r in cluster.dead_letters()}
        assert set(dead) == {3, 4, 5}
        assert all(record.value == values[n] for n, (record, _) in dead.items())
        assert all(record.key == b"k" and headers["trace"] == b"t" for record, headers in dead.values())
        assert {headers["cx_reason"] for _, headers in dead.values()} == {b"invalid"}
        assert {int(headers["cx_timestamp"]) for _, headers in dead.values()} == {written}
        assert b"Schema Registry" in dead[4][1]["cx_detail"]
        (record,) = cluster.input_records("feedback")[1]
        assert record.key == b"r-1"
        assert cluster.wait_until_counted("feedback"), cluster.logs()


def test_the_first_start_may_begin_at_the_end(kafka: str, tmp_path: Path) -> None:
    """Later starts resume, and a partition that is added later is read completely."""
    with BridgeCluster(kafka, tmp_path, partitions=2) as cluster:
        cluster.create_source()
        cluster.send(map(answer, range(10)))
        assert "0 records" in cluster.bridge_once("--from", "end").stdout
        cluster.send(map(answer, range(10, 20)))
        assert "10 records" in cluster.bridge_once("--from", "end").stdout
        assert cluster.ids() == Counter(range(10, 20))


def test_a_missing_topic_is_waited_for(kafka: str, tmp_path: Path) -> None:
    """SIGTERM ends the bridge with 0. With --once a missing topic is an error."""
    with BridgeCluster(kafka, tmp_path) as cluster:
        refused = cluster.bridge_once()
        assert refused.returncode == 4
        assert f"missing topic: {cluster.source}" in refused.stderr
        stopped = cluster.bridge()
        wait(lambda: "missing topic" in cluster.log_of(stopped), cluster.logs)
        stopped.terminate()
        assert stopped.wait(20) == 0
        bridge = cluster.bridge()
        wait(lambda: "missing topic" in cluster.log_of(bridge), cluster.logs)
        cluster.create_source()
        cluster.send([answer(1)])
        wait(lambda: cluster.ids() == Counter([1]), cluster.logs)
        bridge.terminate()
        assert bridge.wait(20) == 0
        assert "1 records: 1 mapped" in cluster.log_of(bridge)


def test_a_bridge_survives_a_restart_of_the_broker(tmp_path: Path) -> None:
    """The process restarts itself and keeps its PID."""
    sent = range(3_000)
    with Broker() as broker, BridgeCluster(broker.bootstrap, tmp_path) as cluster:
        cluster.create_source()
        cluster.send(map(answer, sent[:2_000]))
        bridge = cluster.bridge()
        wait(lambda: cluster.is_assigned(bridge), cluster.logs)
        broker.restart()
        cluster.send(map(answer, sent[2_000:]))
        wait(lambda: len(cluster.ids()) == len(sent), cluster.logs, timeout=90)
        assert bridge.poll() is None
        bridge.terminate()
        assert bridge.wait(30) == 0, cluster.logs()
        assert cluster.bridge_once().returncode == 0
        assert cluster.ids() == Counter(sent)
