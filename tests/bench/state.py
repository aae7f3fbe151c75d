"""Entities in memory and on local disk, without Kafka: `python -m tests.bench.state [answers]` (make bench-state).

Each of five alternating rounds folds the same answers with random IDs into a partition in memory and one on disk, 5,120 to a flush, and
compares the CPU of the main thread. Memory, disk and start are those of one process for each kind, at growing numbers of answers.
"""

import gc
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as checkpoint_format
from stream.kafka.reading import OffsetRange
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from stream.worker.memory import resident
from tests.bench.core import VIEWS
from tests.bench.run import answers, conversations
from tests.support import DAY, FakeRecord, aggregation_config

FLUSH, ROUNDS, ROUND = 5_120, 5, 60_000
SPACING = 20
"""Time in ms between two records."""
MB = 1_000_000


def random_answers(n: int, now: int, seed: int) -> Iterator[FakeRecord]:
    """Yield answers whose IDs are random, as UUIDs are, because IDs in order flatter a sorted store."""
    for i, (key, value, _, _) in enumerate(answers(n, 100)):
        name = hashlib.blake2b(b"%d %d" % (seed, i), digest_size=16).hexdigest().encode()
        yield FakeRecord(i, now + i * SPACING, name, value.replace(b'"%b"' % key, b'"%b"' % name), ())


def tickets(n: int, now: int, seed: int) -> Iterator[FakeRecord]:
    """Yield the events of tickets."""
    del seed
    for i, (key, value, _, _) in enumerate(conversations(n)):
        yield FakeRecord(i, now + i * SPACING, key, value, ())


class CountedPartition:
    """A partition that counts flush by flush. `folder` of its database, None for one in memory."""

    def __init__(self, number: int, now: int, folder: Path | None) -> None:
        self.task = PartitionTask(DOMAIN_REGISTRY[number], 0, 1, aggregation_config(views=VIEWS))
        self.now = now
        self.local: LocalState | None = None
        if folder is not None:
            facts = dict.fromkeys((domain.name for domain in DOMAIN_REGISTRY), TopicFacts(b"ids", DAY))
            self.local = LocalState(claim(folder, ["bench"], None), facts, lambda: now + DAY)  # type: ignore[arg-type]
            self.local.open(self.task, OffsetRange(0, 0))
        self.task.finish_restore()

    def flush(self, batch: list[FakeRecord]) -> float:
        """Count a batch and write it. Return the CPU seconds of this thread."""
        began = time.thread_time()
        self.task.process(batch, self.now + DAY)
        self.task.prepare_flush(self.now + DAY, 0)
        if self.local is not None:
            self.local.commit(
                self.task, checkpoint_format.encode(self.task.checkpoint), self.task.next_offset
            )
        return time.thread_time() - began


def batches(records: Iterator[FakeRecord]) -> Iterator[list[FakeRecord]]:
    """Yield full batches of a flush."""
    batch: list[FakeRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) == FLUSH:
            yield batch
            batch = []


def ratios(number: int) -> None:
    """Print the CPU of a partition on disk over that of one in memory, by round."""
    generate, quotients, background = (random_answers, tickets)[number], [], []
    for n in range(ROUNDS):
        now, folder = int(time.time() * 1000), Path(tempfile.mkdtemp())
        memory, disk = CountedPartition(number, now, None), CountedPartition(number, now, folder)
        process, thread = time.process_time(), time.thread_time()
        spent = [(memory.flush(batch), disk.flush(batch)) for batch in batches(generate(ROUND, now, n))]
        others = time.process_time() - process - time.thread_time() + thread
        totals = list(map(sum, zip(*spent, strict=True)))
        quotients.append(totals[1] / totals[0])
        background.append((totals[1] + others) / totals[0])
        assert memory.task.store.entities == dict(disk.task.store.entities.items())
        assert disk.local is not None
        disk.local.stop()
        shutil.rmtree(folder)
    rounds = ", ".join(f"{ratio:.2f}" for ratio in quotients)
    print(
        f"{DOMAIN_REGISTRY[number].name}: CPU on disk over that in memory: median {statistics.median(quotients):.2f} ({rounds}), "
        f"with RocksDB's threads {statistics.median(background):.2f}"
    )


def grow(n: int, kind: str) -> None:
    """Print memory, disk and start time of a partition with up to `n` answers, in this process."""
    now, folder = int(time.time() * 1000), Path(tempfile.mkdtemp())
    counted_task = CountedPartition(0, now, folder if kind == "disk" else None)
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 1_000, 1_000)
    counted = 0
    for batch in batches(random_answers(n, now, 0)):
        counted_task.flush(batch)
        counted += len(batch)
        if counted * 5 // n != (counted - len(batch)) * 5 // n:
            print(
                json.dumps(
                    {
                        "answers": counted,
                        "entities": len(counted_task.task.store.entities),
                        "rss_mb": (resident() or 0) // MB,
                        "disk_mb": sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) // MB,
                    }
                ),
                flush=True,
            )
    if counted_task.local is not None:
        counted_task.local.stop()
        print(json.dumps({"open_seconds": round(open_seconds(counted_task.task, folder, now), 3)}))
    shutil.rmtree(folder)


def open_seconds(counted: PartitionTask, folder: Path, now: int) -> float:
    """Return the time in which a new task has the entities of a stopped one."""
    began = time.perf_counter()
    task = PartitionTask(DOMAIN_REGISTRY[0], 0, 1, aggregation_config(views=VIEWS))
    task.restore_panes(checkpoint_format.KEY, checkpoint_format.encode(counted.checkpoint))
    local = LocalState(
        claim(folder, ["bench"], None), {"feedback": TopicFacts(b"ids", DAY)}, lambda: now + DAY
    )
    begin = local.open(task, OffsetRange(0, counted.next_offset))
    task.finish_restore()
    seconds = time.perf_counter() - began
    assert begin == counted.next_offset
    local.stop()
    return seconds


def main() -> None:
    if len(sys.argv) > 2:
        grow(int(sys.argv[1]), sys.argv[2])
        return
    n = sys.argv[1] if len(sys.argv) > 1 else "1000000"
    for number in (0, 1):
        ratios(number)
    for kind in ("memory", "disk"):
        print(f"{kind}: ", flush=True)
        subprocess.run([sys.executable, "-m", "tests.bench.state", n, kind], check=True, env=os.environ)


if __name__ == "__main__":
    main()
