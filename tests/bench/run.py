"""`make bench`: the floor, naive Faust and our worker on one Apache Kafka in one run, as ratios."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stream.devbroker.kafka import Broker
from tests.bench import scrape
from tests.chaos.cluster import ChaosCluster
from tests.chaos.feedback_load import PublishedRecord, envelope

N = int(os.environ.get("CX_BENCH_EVENTS", "1000000"))
ROUNDS = int(os.environ.get("CX_BENCH_ROUNDS", "3"))
NAIVE = 15_000
HERE = Path(__file__).parent


def answers(n: int, cells: int) -> Iterator[PublishedRecord]:
    """New NPS answers of 20,000 customers over the last hour, spread over `cells` pairs of channel and touchpoint."""
    now = int(time.time() * 1000)
    for i in range(n):
        customer = f"c-{i * 7919 % 20_000:06d}"
        data = {
            "feedback_id": f"8f1c-{i:027d}",
            "survey": "nps",
            "score": i * 31 % 11,
            "customer_id": customer,
            "channel": f"ch{i % 4}",
            "touchpoint": f"touchpoint-{i // 4 % (cells // 4):04d}",
            "comment": "all went well, thank you",
        }
        at = now - 3_600_000 + i * 3_600_000 // n
        yield PublishedRecord(customer.encode(), envelope("cx.feedback.submitted.v1", at, i, data), at, None)


def conversations(n: int) -> Iterator[PublishedRecord]:
    """Tickets of five events each: created, two messages, solved, a closing note; 20,000 customers, 100 cells."""
    now = int(time.time() * 1000)
    for i in range(n):
        ticket, step = divmod(i, 5)
        customer = f"c-{ticket * 7919 % 20_000:06d}"
        one: dict[str, object] = {"ticket_id": f"t-{ticket:08d}", "customer_id": customer}
        kind = "cx.ticket.message.v1"
        if step == 0:
            kind = "cx.ticket.created.v1"
            one |= {
                "channel": f"ch{ticket % 4}",
                "touchpoint": f"touchpoint-{ticket // 4 % 25:04d}",
                "topic": "pay",
            }
        elif step == 3:
            kind = "cx.ticket.status.v1"
            one |= {"status": "solved", "by": "agent"}
        else:
            author = "agent" if step != 1 else "customer"
            one |= {"message_id": f"m-{i}", "author": author, "public": step != 4}
        yield PublishedRecord(
            customer.encode(), envelope(kind, now - 3_600_000 + i * 3_600_000 // n, i, one), now, None
        )


def child(script: str, *args: object) -> float:
    """Events a second that a script of this folder prints."""
    out = subprocess.run(
        [sys.executable, HERE / script, *map(str, args)], check=True, capture_output=True, text=True
    ).stdout
    return float(json.loads(out.strip().splitlines()[-1])["events_s"])


class Rates(NamedTuple):
    """Events a second, of all and of the second half."""

    whole: float
    half: float


def figures(port: int, topic: str) -> Counter[str]:
    """What a worker tells of a topic, by name, all its partitions together; nothing while it does not answer."""
    sums: Counter[str] = Counter()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
    except OSError:
        return sums
    for line in lines:
        if f'topic="{topic}"' in line:
            sums[line.partition("{")[0]] += float(line.rpartition(" ")[2])
    return sums


def ours(
    cluster: ChaosCluster, group: str, topic: str, program: str = ChaosCluster.program, workers: int = 1
) -> Rates:
    """How workers of a new group go from the first event until everything is committed."""
    prefix = f"{cluster.settings.topics.state_prefix}-{group}"
    again = ChaosCluster(
        cluster.settings.kafka.bootstrap_servers,
        cluster.folder,
        **{**cluster.env, "CXGAUGE_TOPICS_STATE_PREFIX": prefix, "CXGAUGE_WORKER_GROUP": prefix},
    )
    again.program = program
    tick, seen = threading.Event(), list[tuple[float, float]]()
    with again:
        running = [again.start(CXGAUGE_WORKER_FLUSH_INTERVAL="500ms") for _ in range(workers)]
        ports = [worker.port for worker in running]  # type: ignore[attr-defined]
        while True:
            tick.wait(0.25)  # asking costs the workers some of their time
            assert all(worker.poll() is None for worker in running), again.logs()
            each = [figures(port, topic) for port in ports]
            at = sum(each, Counter[str]())
            if offset := at["cxgauge_partition_offset"]:
                seen.append((offset, time.perf_counter()))
            if offset >= N and at["cxgauge_partition_unflushed_records"] == 0:
                break
        assert all(one["cxgauge_partition_offset"] for one in each), "one worker had all partitions"
        for worker in running:
            worker.send_signal(signal.SIGTERM)
            worker.wait()
    end, ended = seen[-1]
    marks = seen[0], next(mark for mark in seen if mark[0] >= N / 2)
    assert marks[1] is not seen[-1], "too short to be measured: raise CX_BENCH_EVENTS"
    return Rates(*((end - offset) / (ended - at) for offset, at in marks))


def main() -> None:
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        print(
            f"{N:,} answers, 4 partitions, 1 worker, flush every 500 ms, exactly once; {ROUNDS} rounds, medians"
        )
        for cells in (100, 10_000):
            with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
                cluster.publish(answers(N, cells), partitioner="murmur2_random")
                topic = cluster.settings.topics.feedback
                floors, rates, bare = [], [], []
                for number in range(ROUNDS):
                    floors.append(child("floor.py", broker.bootstrap, topic, N))
                    rates.append(ours(cluster, f"b{number}", "cx.feedback").whole)
                    bare.append(ours(cluster, f"w{number}", "cx.feedback", "tests.bench.windows").whole)
                floor, rate = statistics.median(floors), statistics.median(rates)
                naive = child("naive.py", broker.bootstrap, topic, NAIVE, 4)
                print(
                    f"{cells:>6} cells: floor {floor:>9,.0f}/s   naive Faust {naive:>7,.0f}/s = {naive / floor:.3f}"
                )
                print(
                    f"              worker {rate:>8,.0f}/s = {rate / floor:.2f} x floor, rounds "
                    + ", ".join(f"{r / f:.2f}" for r, f in zip(rates, floors, strict=True))
                    + f"; windows only {statistics.median(bare) / floor:.2f}",
                    flush=True,
                )
        with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
            cluster.publish(conversations(N), topic="tickets")
            floors, rates, pairs = [], [], []
            for number in range(ROUNDS):
                floors.append(child("floor.py", broker.bootstrap, cluster.settings.topics.tickets, N))
                rates.append(ours(cluster, f"t{number}", "cx.tickets").whole)
                pairs.append(ours(cluster, f"p{number}", "cx.tickets", workers=2).whole)
            floor, rate, pair = (statistics.median(each) for each in (floors, rates, pairs))
            print(
                f"tickets, five events each: worker {rate:,.0f}/s = {rate / floor:.2f} x floor {floor:,.0f}/s, rounds "
                + ", ".join(f"{r / f:.2f}" for r, f in zip(rates, floors, strict=True))
                + f"; two workers {pair / floor:.2f}"
            )
    scrape.main()


if __name__ == "__main__":
    main()
