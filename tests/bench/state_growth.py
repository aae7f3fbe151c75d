"""Memory, disk, CPU and start of partitions with more and more answers: `python -m tests.bench.state_growth KIND N PARTITIONS`.

KIND is `memory` or `disk`. A line is printed for each fifth of N, or for each million if that is more often.
"""

import gc
import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.kafka.reading import OffsetRange
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState
from stream.worker.memory import resident
from tests.bench.core import VIEWS
from tests.bench.state import FACTS, FLUSH, CountedPartition
from tests.bench.state_events import Answers
from tests.support import DAY, aggregation_config

MB = 1_000_000
DAYS = 28
"""Days of event time in which all answers come, so that none expires."""
REST_TIMEOUT = 120.0
"""Seconds for which the databases may rewrite files before they are measured."""


class Growth:
    """Partitions with one cache and one budget of memory for all their databases, as those of a worker."""

    def __init__(self, kind: str, n: int, partitions: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.answers = Answers(0, spacing=DAYS * DAY // n)
        self.local = None
        if kind == "disk":
            self.local = LocalState(claim(self.folder, ["bench"], None), FACTS, lambda: self.answers.now)
        self.partitions = [
            CountedPartition(
                PartitionTask(DOMAIN_REGISTRY[0], i, partitions, aggregation_config(views=VIEWS)), self.local
            )
            for i in range(partitions)
        ]

    def count(self, n: int) -> dict[str, float]:
        """Count answers. Return µs of CPU an answer: of the main thread and of RocksDB's threads, and the slowest flush."""
        of_main_thread = slowest = 0.0
        process, thread = time.process_time(), time.thread_time()
        for _ in range(0, n, FLUSH):
            for partition, batch in zip(
                self.partitions, self.answers.by_partition(FLUSH, len(self.partitions)), strict=True
            ):
                began = time.perf_counter()
                of_main_thread += partition.flush(batch) if batch else 0
                slowest = max(slowest, time.perf_counter() - began)
        background = time.process_time() - process - (time.thread_time() - thread)
        return {
            "cpu_us": round(of_main_thread / n * 1e6, 1),
            "background_us": round(background / n * 1e6, 1),
            "slowest_flush_ms": round(slowest * 1000),
        }

    def state(self) -> dict[str, float]:
        """Return entities, memory and, of databases that have come to rest, bytes on disk and seconds to open all."""
        entities = sum(len(partition.task.store.entities) for partition in self.partitions)
        sizes = {"entities": entities, "rss_mb": (resident() or 0) // MB}
        if self.local is None:
            return sizes
        sizes["peak_mb"] = self._disk() // MB
        self._rest()
        disk = self._disk()
        return sizes | {
            "disk_mb": disk // MB,
            "bytes_an_answer": round(disk / self._answers()),
            "open_seconds": round(self._reopen(), 3),
        }

    def _answers(self) -> int:
        return sum(partition.task.outcome_counts["accepted"] for partition in self.partitions)

    def _disk(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def _rest(self) -> None:
        """Wait until no database rewrites files."""
        assert self.local is not None
        until, pause = time.monotonic() + REST_TIMEOUT, threading.Event()
        names = "num-running-flushes", "num-running-compactions", "compaction-pending"
        while (
            any(opened.database.metric(name) for opened in self.local.opened.values() for name in names)
            and time.monotonic() < until
        ):
            pause.wait(0.1)

    def _reopen(self) -> float:
        """Close all databases as at the end of a worker, open them again, and return the seconds that opening took."""
        assert self.local is not None
        for partition in self.partitions:
            self.local.close(partition.task)
        began = time.perf_counter()
        for partition in self.partitions:
            end = partition.task.next_offset
            assert self.local.open(partition.task, OffsetRange(0, end)) == end, "the database does not fit"
        return time.perf_counter() - began

    def close(self) -> None:
        """Remove the databases."""
        if self.local is not None:
            self.local.stop()
        shutil.rmtree(self.folder)


def main() -> None:
    kind, n, partitions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    growth = Growth(kind, n, partitions)
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 1_000, 1_000)
    step, answers = min(n // 5, 1_000_000), 0
    while answers < n:
        spent = growth.count(step)
        answers += step
        print(json.dumps({"kind": kind, "answers": answers, **spent, **growth.state()}), flush=True)
    growth.close()


if __name__ == "__main__":
    main()
