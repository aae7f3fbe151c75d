"""Latency from a record to its figure, by stage: `python -m tests.bench.latency [EVENTS_A_SECOND ...]`.

The stages of an event, each seen from outside:
- stored: from when it was handed to the producer until the broker acknowledged it
- collected: until the worker began the flush that contains it, as the checkpoint says. It was fetched and counted meanwhile
- committed: until a consumer of the panes read that checkpoint, so after the end of the transaction
- served: until a scrape counted it. The exporter read the panes and rendered the exposition meanwhile. Scrapes are 20 ms apart
"""

import os
import statistics
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from stream.core.model.checkpoint import KEY, decode
from stream.devbroker.kafka import Broker
from tests.bench.run import answers, cpu_seconds
from tests.chaos.cluster import ChaosCluster, wait

RATES = 1_000, 10
SECONDS = int(os.environ.get("CX_BENCH_SECONDS", "30"))
WARM_UP = 20
"""Seconds before those, whose events are not measured: the broker of the bench is new, and its JVM still compiles."""
DURATION = WARM_UP + SECONDS
STAGES = "stored", "collected", "committed", "served", "all"


class Sent(NamedTuple):
    """A published event: its place, and when it was handed over and acknowledged, in seconds since the epoch."""

    partition: int
    offset: int
    handed_at: float
    stored_at: float


class Flushed(NamedTuple):
    """A checkpoint that was read: the offset up to which it counts, when it was begun and when it was read, in seconds."""

    upto: int
    begun_at: float
    read_at: float


class FlushLog:
    """A thread that reads the checkpoints of the feedback panes as they are committed."""

    def __init__(self, cluster: ChaosCluster) -> None:
        self.by_partition: defaultdict[int, list[Flushed]] = defaultdict(list)
        self._topic = cluster.settings.topics.panes("feedback")
        self._consumer = Consumer(
            {
                "bootstrap.servers": cluster.settings.kafka.bootstrap_servers,
                "group.id": "latency",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 5,
            }
        )
        count = cluster.settings.topics.partitions
        self._consumer.assign([TopicPartition(self._topic, n, 0) for n in range(count)])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None and message.key() == KEY:
                checkpoint = decode(message.value())
                self.by_partition[message.partition()].append(
                    Flushed(checkpoint.next_offset, checkpoint.written_at / 1000, time.time())
                )

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()
        self._consumer.close()


def publish(cluster: ChaosCluster, rate: int, sent: list[Sent]) -> None:
    """Publish answers at a rate, one by one, each at its time."""
    producer = Producer(
        {
            "bootstrap.servers": cluster.settings.kafka.bootstrap_servers,
            "linger.ms": 0,
            "partitioner": "murmur2_random",
        }
    )
    topic = cluster.settings.topics.input("feedback")
    started_at = time.time()
    for n, record in enumerate(answers(rate * DURATION, 100)):
        while (left := started_at + n / rate - time.time()) > 0:
            producer.poll(left)
        handed_at = time.time()

        def note(_: object, message: object, handed_at: float = handed_at) -> None:
            sent.append(Sent(message.partition(), message.offset(), handed_at, time.time()))  # type: ignore[attr-defined]

        producer.produce(topic, record.value, record.key, on_delivery=note)
    producer.flush()


def scrape(cluster: ChaosCluster, exporter: object, total: int) -> list[tuple[float, int]]:
    """Return the times of scrapes and the answers that they counted, until all are."""
    seen: list[tuple[float, int]] = []
    pause = threading.Event()
    while not seen or seen[-1][1] < total:
        exposition = cluster.samples(exporter)
        counted = sum(
            value
            for name, value in exposition.items()
            if name.startswith('cx_nps_responses{view="total",window="24h"')
        )
        seen.append((time.time(), int(counted)))
        pause.wait(0.02)
    return seen


def stages(sent: Sequence[Sent], log: FlushLog, seen: Sequence[tuple[float, int]]) -> dict[str, list[float]]:
    """Return the seconds that the events spent in each stage.

    Figures do not name events. So the n-th event by the time of its commit is served with the n-th that is counted.
    """
    measured_from = min(event.handed_at for event in sent) + WARM_UP
    committed: list[tuple[float, Sent, Flushed]] = []
    for event in sent:
        flushes = log.by_partition[event.partition]
        flushed = flushes[bisect_right(flushes, event.offset, key=lambda flush: flush.upto)]
        committed.append((flushed.read_at, event, flushed))
    committed.sort()
    served, counts = iter(seen), 0
    served_at = 0.0
    into: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for n, (read_at, event, flushed) in enumerate(committed):
        while counts <= n:
            served_at, counts = next(served)
        if event.handed_at < measured_from:
            continue
        for stage, seconds in zip(
            STAGES,
            (
                event.stored_at - event.handed_at,
                flushed.begun_at - event.stored_at,
                read_at - flushed.begun_at,
                served_at - read_at,
                served_at - event.handed_at,
            ),
            strict=True,
        ):
            into[stage].append(seconds)
    return into


def measure_latency(bootstrap: str, rate: int, folder: Path) -> None:
    """Print a line of the table."""
    with ChaosCluster(bootstrap, folder, CXGAUGE_WORKER_FLUSH_INTERVAL="500ms") as cluster:
        worker, exporter = cluster.start(), cluster.start("exporter")
        wait(lambda: cluster.ready(exporter), cluster.logs)
        log, sent = FlushLog(cluster), list[Sent]()
        before = [cpu_seconds(process.pid) for process in (worker, exporter)]
        publisher = threading.Thread(target=publish, args=(cluster, rate, sent))
        publisher.start()
        seen = scrape(cluster, exporter, rate * DURATION)
        publisher.join()
        spent = [cpu_seconds(process.pid) - b for process, b in zip((worker, exporter), before, strict=True)]
        wait(
            lambda: sum(flushes[-1].upto for flushes in log.by_partition.values()) >= len(sent), cluster.logs
        )
        log.stop()
        cells = []
        for stage, seconds in stages(sent, log, seen).items():
            ms = sorted(1000 * s for s in seconds)
            cells.append(f"{stage} {statistics.median(ms):.0f}/{ms[int(0.99 * (len(ms) - 1))]:.0f}")
        flushes = sum(map(len, log.by_partition.values()))
        print(
            f"{rate:6,} events/s, ms p50/p99: {'  '.join(cells)}   {flushes / DURATION:.1f} flushes/s"
            f"   cores: worker {spent[0] / DURATION:.2f}, exporter {spent[1] / DURATION:.2f}",
            flush=True,
        )


def main() -> None:
    """Measure each rate with a worker and an exporter of its own."""
    rates = [int(rate) for rate in sys.argv[1:]] or RATES
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        for rate in rates:
            measure_latency(broker.bootstrap, rate, Path(folder))


if __name__ == "__main__":
    main()
