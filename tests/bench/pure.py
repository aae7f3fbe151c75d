"""CPU of a worker with and without faust-streaming's compiled parts: `make bench-pure`.

The argument is a folder with faust-streaming in its Python form, which arm64 has. Workers of both forms count the same events
in turn, each round in topics of its own, so that a varying speed of the machine does not matter. Startup is not measured.
"""

import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from stream.devbroker.kafka import Broker
from tests.bench.run import answers, conversations, cpu_seconds, worker_metrics
from tests.chaos.cluster import ChaosCluster
from tests.chaos.feedback_load import PublishedRecord

N = int(os.environ.get("CX_BENCH_EVENTS", "300000"))
ROUNDS = int(os.environ.get("CX_BENCH_ROUNDS", "5"))
FORMS = ("compiled", "Python")
LOADS: dict[str, Callable[[], Iterator[PublishedRecord]]] = {
    "feedback": lambda: answers(N, 100),
    "tickets": lambda: conversations(N),
}


def measure(cluster: ChaosCluster, domain: str, path: str) -> float:
    """Return the CPU of a worker in microseconds per event, from its first flush to its last."""
    worker = cluster.start(PYTHONPATH=path)
    port = cast(int, worker.port)  # type: ignore[attr-defined]
    pause, seen = threading.Event(), list[tuple[float, float]]()
    while not seen or seen[-1][0] < N:
        pause.wait(0.25)
        assert worker.poll() is None, cluster.logs()
        if offset := worker_metrics(port, f"cx.{domain}")["cxgauge_partition_offset"]:
            seen.append((offset, cpu_seconds(worker.pid)))
    (begin, cpu_begin), (end, cpu_end) = seen[0], seen[-1]
    assert end > begin, "too short to be measured: raise CX_BENCH_EVENTS"
    return (cpu_end - cpu_begin) / (end - begin) * 1e6


def main(pure: Path) -> None:
    assert (pure / "faust").is_dir(), pure
    assert not list(pure.rglob("*.so")), f"{pure} has compiled parts"
    root = str(Path(__file__).parents[2])
    paths = dict(zip(FORMS, (root, f"{pure.resolve()}{os.pathsep}{root}"), strict=True))
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        for domain, load in LOADS.items():
            costs: dict[str, list[float]] = {form: [] for form in FORMS}
            for number in range(ROUNDS):
                for form in FORMS if number % 2 else FORMS[::-1]:
                    with ChaosCluster(broker.bootstrap, Path(folder)) as cluster:
                        cluster.publish(load(), topic=domain)
                        costs[form].append(measure(cluster, domain, paths[form]))
            compiled, python = (statistics.median(costs[form]) for form in FORMS)
            ratios = [python / compiled for compiled, python in zip(*costs.values(), strict=True)]
            print(
                f"{N:,} events of {domain}: compiled {compiled:.1f} us, Python {python:.1f} us of CPU an event; ratio "
                f"{statistics.median(ratios):.3f}, rounds {', '.join(f'{ratio:.3f}' for ratio in ratios)}",
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
