"""Throughput of a worker on disk over that in memory: `python -m tests.bench.disk [KIND ...]`, kinds as in `LOADS`.

In each of `CX_BENCH_ROUNDS` rounds, one worker counts the same `CX_BENCH_EVENTS` records in memory and another one on disk
(`worker.state_dir`).
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stream.core.model.time_buckets import HOUR
from stream.devbroker.kafka import Broker
from tests.bench.full_state import median_of, revised_answers
from tests.bench.run import ROUNDS, N, answers, conversations, measure_worker
from tests.chaos.cluster import ChaosCluster
from tests.chaos.feedback_load import PublishedRecord, envelope


def orders(n: int) -> Iterator[PublishedRecord]:
    """Yield orders in the last hour, ten of each customer."""
    now = int(time.time() * 1000)
    for i in range(n):
        at = now - HOUR + i * HOUR // n
        customer = f"c-{i // 10:08d}"
        data = {"order_id": f"o-{i:09d}", "customer_id": customer, "amount_minor": 1_999, "currency": "EUR"}
        yield PublishedRecord(customer.encode(), envelope("cx.purchase.completed.v1", at, i, data), at, None)


LOADS: dict[str, tuple[str, Callable[[int], Iterator[PublishedRecord]]]] = {
    "nobody": ("feedback", revised_answers),
    "answers": ("feedback", lambda n: answers(n, 100)),
    "tickets": ("tickets", conversations),
    "orders": ("customers", orders),
}
"""Topic and records by kind. `nobody` are answers that name no customer."""


def compare(broker: Broker, kind: str) -> None:
    """Print the ratios of a kind of events."""
    topic, load = LOADS[kind]
    on_disk, in_memory = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        ChaosCluster(broker.bootstrap, Path(folder)) as cluster,
    ):
        cluster.publish(load(N), topic=topic)
        for number in range(ROUNDS):
            in_memory.append(measure_worker(cluster, f"m{number}", f"cx.{topic}"))
            with tempfile.TemporaryDirectory() as state_dir:
                on_disk.append(
                    measure_worker(cluster, f"d{number}", f"cx.{topic}", CXGAUGE_WORKER_STATE_DIR=state_dir)
                )
    ratios = {
        name: [getattr(d, name) / getattr(m, name) for d, m in zip(on_disk, in_memory, strict=True)]
        for name in ("all_events", "cpu")
    }
    print(
        f"{kind}: events/s on disk over in memory {median_of(ratios['all_events'])}; CPU an event "
        f"{statistics.median(r.cpu for r in in_memory):.1f} µs in memory, {statistics.median(r.cpu for r in on_disk):.1f} µs on disk, "
        f"ratio {median_of(ratios['cpu'])}",
        flush=True,
    )


def main() -> None:
    with Broker() as broker:
        for kind in sys.argv[1:] or LOADS:
            compare(broker, kind)


if __name__ == "__main__":
    main()
