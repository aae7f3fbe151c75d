"""Latency from a record to a served figure at 1,000 events a second, then time and memory of a restart.

`python -m tests.bench.live`. The latency of an event is the time from when it was handed to the producer until a
scrape of the exporter counts it: linger, worker, flush, exporter's refresh and the scrape itself are in it.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from stream.devbroker.kafka import Broker
from tests.bench.run import answers
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord

RATE, SECONDS = 1_000, int(os.environ.get("CX_BENCH_SECONDS", "60"))
ANSWERS_STORED = 100_000, 500_000


def latency(cluster: ChaosCluster) -> list[float]:
    """Return the seconds of each event until a scrape counted it, at `RATE` events a second."""
    cluster.start()
    exporter = cluster.start("exporter")
    wait(lambda: cluster.ready(exporter), cluster.logs)
    sent: list[float] = []
    samples_read: list[tuple[float, int]] = []
    publisher = threading.Thread(target=cluster.publish, args=(timed_answers(sent),), kwargs={"rate": RATE})
    publisher.start()
    pause = threading.Event()
    while not samples_read or samples_read[-1][1] < RATE * SECONDS:
        exposition = cluster.samples(exporter)
        n = sum(
            value
            for name, value in exposition.items()
            if name.startswith('cx_nps_responses{view="total",window="24h"')
        )
        samples_read.append((time.monotonic(), int(n)))
        pause.wait(0.02)
    publisher.join()
    latencies, at = [], 0
    for moment, n in samples_read:
        latencies += [moment - sent_at for sent_at in sent[at:n]]
        at = max(at, n)
    return latencies


def measure_takeover(cluster: ChaosCluster, answered: int) -> dict[str, float]:
    """Measure a worker that takes over after so many answers."""
    with cluster:
        cluster.publish(answers(answered, 100))
        assert cluster.wait_until_counted()
        for worker in cluster.workers:
            worker.kill()
            worker.wait()
        output = subprocess.run(
            [sys.executable, "-m", "tests.bench.recovery"],
            env={**os.environ, **cluster.env},
            check=True,
            capture_output=True,
        )
    takeover: dict[str, float] = json.loads(output.stdout)
    print(
        f"taking over {takeover['entities']:,} entities and {takeover['blocks']:,} blocks of panes: "
        f"{takeover['seconds']:.2f} s; {takeover['bytes'] / 1e6:.0f} MB, clients included",
        flush=True,
    )
    return takeover


def timed_answers(sent: list[float]) -> Iterator[PublishedRecord]:
    for record in answers(RATE * SECONDS, 100):
        sent.append(time.monotonic())
        yield record


def main() -> None:
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
            ms = sorted(1000 * seconds for seconds in latency(cluster))
            p50, p99 = statistics.median(ms), ms[int(0.99 * (len(ms) - 1))]
            print(
                f"record to gauge at {RATE:,} events/s for {SECONDS} s: "
                f"p50 {p50:,.0f} ms   p99 {p99:,.0f} ms   worst {ms[-1]:,.0f} ms",
                flush=True,
            )
        small, large = (
            measure_takeover(ChaosCluster(broker.bootstrap, Path(folder)), n) for n in ANSWERS_STORED
        )
        bytes_per_entity = (large["bytes"] - small["bytes"]) / (large["entities"] - small["entities"])
        print(f"memory: {bytes_per_entity:,.0f} B an entity, from the difference of the two")


if __name__ == "__main__":
    main()
