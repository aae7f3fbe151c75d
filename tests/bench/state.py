"""Entities in memory and on local disk, without Kafka: `python -m tests.bench.state [answers [partitions]]` (make bench-state).

Each of five alternating rounds counts the same events in a partition in memory and one on disk, 5,120 to a flush, and
compares the CPU of the main thread. Memory, disk and start are those of one process for each kind (`state_growth`), up to
this number of answers on disk, and at most a million in memory.
"""

import gc
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.time_buckets import Window
from stream.kafka.reading import OffsetRange
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from tests.bench.core import VIEWS
from tests.bench.run import conversations
from tests.bench.state_events import Answers
from tests.support import DAY, HOUR, FakeRecord, aggregation_config

FLUSH, ROUNDS, ROUND = 5_120, 5, 60_000
MOST_IN_MEMORY = 1_000_000
FACTS = dict.fromkeys((domain.name for domain in DOMAIN_REGISTRY), TopicFacts(b"ids", DAY))


class CountedPartition:
    """A partition that counts flush by flush. `local` has its database, None for one in memory."""

    def __init__(self, task: PartitionTask, local: LocalState | None) -> None:
        self.task = task
        self.local = local
        if local is not None:
            local.open(task, OffsetRange(0, 0))
        task.finish_restore()

    def flush(self, batch: list[FakeRecord]) -> float:
        """Count a batch and write it. Return the CPU seconds of this thread."""
        began, clock = time.thread_time(), batch[-1].timestamp
        self.task.process(batch, clock)
        self.task.prepare_flush(clock, 0)
        if self.local is not None:
            marker = checkpoint_format.encode(self.task.checkpoint)
            self.local.commit(self.task, marker, self.task.next_offset)
        return time.thread_time() - began


class Pair:
    """The same partition of a domain in memory and on disk."""

    def __init__(self, domain: int, longest: int) -> None:
        config = aggregation_config(views=VIEWS, windows=(Window("longest", longest),))
        self.folder = Path(tempfile.mkdtemp())
        self.local = LocalState(claim(self.folder, ["bench"], None), FACTS)
        self.memory, self.disk = (
            CountedPartition(PartitionTask(DOMAIN_REGISTRY[domain], 0, 1, config), local)
            for local in (None, self.local)
        )

    def round(self, records: Iterator[FakeRecord]) -> "Round":
        """Count records in both by turns, which also take the first place by turns."""
        gc.collect()
        process, thread = time.process_time(), time.thread_time()
        spent, n = [0.0, 0.0], 0
        for batch in batches(records):
            order = (self.memory, self.disk) if n % 2 else (self.disk, self.memory)
            for partition in order:
                spent[partition is self.disk] += partition.flush(batch)
            n += 1
        background = time.process_time() - process - (time.thread_time() - thread)
        return Round(n * FLUSH, *spent, background)

    def close(self) -> None:
        """Check that both have the same entities, and remove the database."""
        assert self.memory.task.store.entities == dict(self.disk.task.store.entities.items())
        assert len(self.memory.task.store.entities) == len(self.disk.task.store.entities)
        self.local.stop()
        shutil.rmtree(self.folder)


class Round(NamedTuple):
    """CPU seconds of a round: of the main thread for each kind, and of RocksDB's threads."""

    events: int
    memory: float
    disk: float
    background: float


def batches(records: Iterator[FakeRecord]) -> Iterator[list[FakeRecord]]:
    """Yield full batches of a flush."""
    batch: list[FakeRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) == FLUSH:
            yield batch
            batch = []


def report(name: str, rounds: list[Round]) -> None:
    """Print the ratios of rounds and their median, and the CPU of an event."""
    ratios = [r.disk / r.memory for r in rounds]
    with_background = statistics.median((r.disk + r.background) / r.memory for r in rounds)
    memory, disk = (
        statistics.median(spent / r.events * 1e6 for r, spent in zip(rounds, kind, strict=True))
        for kind in ([r.memory for r in rounds], [r.disk for r in rounds])
    )
    print(
        f"{name}: {memory:.1f} µs of CPU an event in memory, {disk:.1f} on disk: median ratio {statistics.median(ratios):.2f} "
        f"({', '.join(f'{ratio:.2f}' for ratio in ratios)}), with RocksDB's threads {with_background:.2f}",
        flush=True,
    )


def compare_answers(name: str, known: float) -> None:
    """Compare rounds of answers, of which a share has the ID of an earlier one."""
    rounds = []
    for seed in range(ROUNDS):
        pair = Pair(0, 30 * DAY)
        rounds.append(pair.round(Answers(seed, known=known).records(ROUND)))
        pair.close()
    report(name, rounds)


def compare_tickets() -> None:
    """Compare rounds of the events of tickets."""
    rounds = []
    for _ in range(ROUNDS):
        now, pair = int(time.time() * 1000), Pair(1, 30 * DAY)
        records = (
            FakeRecord(i, now + i * 20, key, value)
            for i, (key, value, _, _) in enumerate(conversations(ROUND))
        )
        rounds.append(pair.round(records))
        pair.close()
    report("ticket events", rounds)


def compare_steady_state(kept: int) -> None:
    """Compare rounds in which as many answers expire as come, with `kept` answers there."""
    pair = Pair(0, DAY)
    retention = pair.memory.task.config.allowed_lateness + HOUR
    answers = Answers(0, spacing=retention // kept)
    pair.round(answers.records(kept + FLUSH))
    before = len(pair.memory.task.store.entities)
    rounds = [pair.round(answers.records(ROUND)) for _ in range(ROUNDS)]
    assert abs(len(pair.memory.task.store.entities) - before) < kept // 10, "it is no steady state"
    pair.close()
    report(f"answers while as many of {kept} expire", rounds)


def main() -> None:
    arguments = sys.argv[1:]
    compare_answers("new answers", 0)
    compare_answers("answers of which 30 % are edits", 0.3)
    compare_tickets()
    compare_steady_state(300_000)
    n, partitions = (arguments + ["1000000", "12"][len(arguments) :])[:2]
    for kind, most in (("memory", str(min(int(n), MOST_IN_MEMORY))), ("disk", n)):
        subprocess.run([sys.executable, "-m", "tests.bench.state_growth", kind, most, partitions], check=True)


if __name__ == "__main__":
    main()
