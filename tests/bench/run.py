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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from stream.devbroker.kafka import Broker
from tests.bench import scrape
from tests.chaos.cluster import ChaosCluster
from tests.chaos.feedback_load import PublishedRecord, envelope

N = int(os.environ.get("CX_BENCH_EVENTS", "1000000"))
ROUNDS = int(os.environ.get("CX_BENCH_ROUNDS", "3"))
NAIVE = 15_000
FOLDER = Path(__file__).parent


def answers(n: int, cells: int) -> Iterator[PublishedRecord]:
    """Yield new NPS answers of 20,000 customers in the last hour, for `cells` pairs of channel and touchpoint."""
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
        owner = str(data["feedback_id"]).encode()
        yield PublishedRecord(owner, envelope("cx.feedback.submitted.v1", at, i, data), at, None)


def conversations(n: int) -> Iterator[PublishedRecord]:
    """Yield tickets with five events: created, two messages, solved, a note, of 20,000 customers."""
    now = int(time.time() * 1000)
    for i in range(n):
        ticket, step = divmod(i, 5)
        owner = f"t-{ticket:08d}"
        fields: dict[str, object] = {"ticket_id": owner, "customer_id": f"c-{ticket * 7919 % 20_000:06d}"}
        kind = "cx.ticket.message.v1"
        if step == 0:
            kind = "cx.ticket.created.v1"
            fields |= {
                "channel": f"ch{ticket % 4}",
                "touchpoint": f"touchpoint-{ticket // 4 % 25:04d}",
                "topic": "pay",
            }
        elif step == 3:
            kind = "cx.ticket.status.v1"
            fields |= {"status": "solved", "by": "agent"}
        else:
            author = "agent" if step != 1 else "customer"
            fields |= {"message_id": f"m-{i}", "author": author, "public": step != 4}
        yield PublishedRecord(
            owner.encode(), envelope(kind, now - 3_600_000 + i * 3_600_000 // n, i, fields), now, None
        )


def child(script: str, *args: object) -> float:
    """Return the events a second that a script of this folder prints."""
    out = subprocess.run(
        [sys.executable, FOLDER / script, *map(str, args)], check=True, capture_output=True, text=True
    ).stdout
    return float(json.loads(out.strip().splitlines()[-1])["events_s"])


class Rates(NamedTuple):
    """Events a second, of all and of the second half, and microseconds of CPU an event of the second half."""

    all_events: float
    second_half: float
    cpu: float


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, in user and system mode (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def worker_metrics(port: int, topic: str) -> Counter[str]:
    """Return a worker's metrics of a topic by name, summed over partitions.

    Empty while it does not respond.
    """
    sums: Counter[str] = Counter()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
            lines = response.read().decode().splitlines()
    except OSError:
        return sums
    for line in lines:
        if f'topic="{topic}"' in line:
            sums[line.partition("{")[0]] += float(line.rpartition(" ")[2])
    return sums


def measure_worker(
    cluster: ChaosCluster,
    group: str,
    topic: str,
    program: str = ChaosCluster.program,
    workers: int = 1,
    check: Callable[[ChaosCluster], None] = lambda _: None,
    **env: str,
) -> Rates:
    """Return the rates of workers of a new group until everything is committed. `check` gets the group at its end."""
    prefix = f"{cluster.settings.topics.state_prefix}-{group}"
    # Workers write a summary of each answer of a customer there, which those of the next group would read.
    own_customers = {} if topic == "cx.customers" else {"CXGAUGE_TOPICS_CUSTOMERS": f"{prefix}.customers"}
    new_group = ChaosCluster(
        cluster.settings.kafka.bootstrap_servers,
        cluster.folder,
        **{
            **cluster.env,
            "CXGAUGE_TOPICS_STATE_PREFIX": prefix,
            "CXGAUGE_WORKER_GROUP": prefix,
            **own_customers,
        },
    )
    new_group.program = program
    pause, offsets_seen = threading.Event(), list[tuple[float, float, float]]()
    with new_group:
        workers_started = [
            new_group.start(CXGAUGE_WORKER_FLUSH_INTERVAL="500ms", **env) for _ in range(workers)
        ]
        ports = [worker.port for worker in workers_started]  # type: ignore[attr-defined]
        while True:
            pause.wait(0.25)  # asking costs the workers some of their time
            assert all(worker.poll() is None for worker in workers_started), new_group.logs()
            metrics_by_worker = [worker_metrics(port, topic) for port in ports]
            at = sum(metrics_by_worker, Counter[str]())
            if offset := at["cxgauge_partition_offset"]:
                cpu = sum(cpu_seconds(worker.pid) for worker in workers_started)
                offsets_seen.append((offset, time.perf_counter(), cpu))
            if offset >= N and at["cxgauge_partition_unflushed_records"] == 0:
                break
        assert all(metrics["cxgauge_partition_offset"] for metrics in metrics_by_worker), (
            "one worker had all partitions"
        )
        for worker in workers_started:
            worker.send_signal(signal.SIGTERM)
            worker.wait()
        check(new_group)
    end, ended_at, cpu_at_end = offsets_seen[-1]
    starts = offsets_seen[0], next(start for start in offsets_seen if start[0] >= N / 2)
    assert starts[1] is not offsets_seen[-1], "too short to be measured: raise CX_BENCH_EVENTS"
    half, _, cpu_at_half = starts[1]
    rates = [(end - offset) / (ended_at - at) for offset, at, _ in starts]
    return Rates(*rates, 1e6 * (cpu_at_end - cpu_at_half) / (end - half))


def main() -> None:
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        print(
            f"{N:,} answers, 4 partitions, 1 worker, flush every 500 ms, exactly once; {ROUNDS} rounds, medians"
        )
        for cells in (100, 10_000):
            with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
                cluster.publish(answers(N, cells), partitioner="murmur2_random")
                topic = cluster.settings.topics.feedback
                floors, rates, windows_only = [], [], []
                for number in range(ROUNDS):
                    floors.append(child("floor.py", broker.bootstrap, topic, N))
                    rates.append(measure_worker(cluster, f"b{number}", "cx.feedback").all_events)
                    windows_only.append(
                        measure_worker(cluster, f"w{number}", "cx.feedback", "tests.bench.windows").all_events
                    )
                floor, rate = statistics.median(floors), statistics.median(rates)
                naive = child("naive.py", broker.bootstrap, topic, NAIVE, 4)
                print(
                    f"{cells:>6} cells: floor {floor:>9,.0f}/s   naive Faust {naive:>7,.0f}/s = {naive / floor:.3f}"
                )
                print(
                    f"              worker {rate:>8,.0f}/s = {rate / floor:.2f} x floor, rounds "
                    + ", ".join(f"{r / f:.2f}" for r, f in zip(rates, floors, strict=True))
                    + f"; windows only {statistics.median(windows_only) / floor:.2f}",
                    flush=True,
                )
        with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
            cluster.publish(conversations(N), topic="tickets")
            floors, rates, two_worker_rates = [], [], []
            for number in range(ROUNDS):
                floors.append(child("floor.py", broker.bootstrap, cluster.settings.topics.tickets, N))
                rates.append(measure_worker(cluster, f"t{number}", "cx.tickets").all_events)
                two_worker_rates.append(
                    measure_worker(cluster, f"p{number}", "cx.tickets", workers=2).all_events
                )
            floor, rate, two_workers = (
                statistics.median(rates_of_set) for rates_of_set in (floors, rates, two_worker_rates)
            )
            print(
                f"tickets, five events each: worker {rate:,.0f}/s = {rate / floor:.2f} x floor {floor:,.0f}/s, rounds "
                + ", ".join(f"{r / f:.2f}" for r, f in zip(rates, floors, strict=True))
                + f"; two workers {two_workers / floor:.2f}"
            )
    scrape.main()


if __name__ == "__main__":
    main()
