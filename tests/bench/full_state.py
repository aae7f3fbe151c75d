"""Workers with all state and Kafka Streams with the same state: `python -m tests.bench.full_state`.

All read the same `CX_BENCH_EVENTS` answers from the same broker in turn, and must have the same counts. The answers have random IDs
and name nobody. 5 % are sent again and 5 % are edited. Workers keep their entities in memory and on disk. Kafka Streams keeps them in
RocksDB, see `streams/Answers.java`.
"""

import hashlib
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

from stream.core.model.time_buckets import HOUR, MINUTES
from stream.devbroker.kafka import Broker
from tests.bench.others import compile_programs, run_streams
from tests.bench.run import ROUNDS, N, Rates, child, measure_worker
from tests.chaos.cluster import ChaosCluster
from tests.chaos.feedback_load import PublishedRecord, envelope

REPEATED, EDITED = 0.05, 0.05
RECENT = 10_000
"""Number of the newest answers of which some are sent again or edited."""
VIEWS = {"channel": 1, "touchpoint": 2}
"""Views whose counts are compared, with the part of a cell of Kafka Streams."""
Counts = Counter[tuple[str, str, int, int]]
"""Answers by view, value, minute, and class: 0 promoters, 1 passives, 2 detractors."""


def revised_answers(n: int) -> Iterator[PublishedRecord]:
    """Yield NPS answers of the last hour for 100 pairs of channel and touchpoint, with repetitions and edits."""
    random, recent, new = Random(1), dict[int, tuple[bytes, dict[str, object]]](), 0
    now = int(time.time() * 1000)
    for i in range(n):
        at, choice = now - HOUR + i * HOUR // n, random.random()
        slot = new % RECENT
        if new and choice < REPEATED + EDITED:
            slot = random.randrange(min(new, RECENT))
            value, data = recent[slot]
            if choice < REPEATED:
                yield PublishedRecord(str(data["feedback_id"]).encode(), value, at, None)
                continue
            data = {**data, "score": i * 31 % 11, "revision": i}
        else:
            new += 1
            data = {
                "feedback_id": hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest(),
                "survey": "nps",
                "score": i * 31 % 11,
                "channel": f"ch{i % 4}",
                "touchpoint": f"touchpoint-{i // 4 % 25:04d}",
                "comment": "all went well, thank you",
            }
        value = envelope("cx.feedback.submitted.v1", at, i, data)
        recent[slot] = value, data
        yield PublishedRecord(str(data["feedback_id"]).encode(), value, at, None)


def counts_of_worker(group: ChaosCluster) -> Counts:
    """Return the counts in the panes of a group of workers."""
    return Counter(
        {
            (view, *values, minute, component): n
            for (_, view, values, _, component, minute), n in group.pane_figures(
                "feedback", MINUTES.code
            ).items()
            if view in VIEWS
        }
    )


def counts_of_streams(file: Path) -> Counts:
    """Return the counts that Kafka Streams wrote."""
    counts: Counts = Counter()
    for line in file.read_text().splitlines():
        *cell, minute, promoters, passives, detractors = line.split("|")
        for view, part in VIEWS.items():
            for component, n in enumerate((promoters, passives, detractors)):
                counts[view, cell[part], int(minute), component] += int(n)
    return +counts


class Comparison:
    """Rates of all programs by label, and the counts that all must have."""

    def __init__(self, cluster: ChaosCluster, n_answers: int, classes: str) -> None:
        self.cluster = cluster
        self.bootstrap = cluster.settings.kafka.bootstrap_servers
        self.topic = cluster.settings.topics.feedback
        self.n_answers = n_answers
        self.classes = classes
        self.counts: Counts | None = None
        self.floors: list[float] = []
        self.rates: defaultdict[str, list[Rates]] = defaultdict(list)

    def check(self, label: str, counts: Counts) -> None:
        """Raise AssertionError if a program has other counts than the first one, or not one of each answer."""
        for view in VIEWS:
            total = sum(n for (name, *_), n in counts.items() if name == view)
            assert total == self.n_answers, (
                f"{label}: {total} answers by {view}, published were {self.n_answers}"
            )
        self.counts = self.counts or counts
        assert counts == self.counts, f"{label} has other counts than the program before it"

    def worker(self, label: str, group: str, workers: int, **env: str) -> None:
        self.rates[label].append(
            measure_worker(
                self.cluster,
                group,
                "cx.feedback",
                workers=workers,
                check=lambda cluster: self.check(label, counts_of_worker(cluster)),
                **env,
            )
        )

    def streams(self, label: str, threads: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "counts"
            self.rates[label].append(
                run_streams(self.classes, self.bootstrap, self.topic, threads, "Answers", str(file))
            )
            self.check(label, counts_of_streams(file))

    def run_round(self, number: int) -> None:
        """Run every program once."""
        self.floors.append(child("floor.py", self.bootstrap, self.topic, N))
        for n_parallel in (1, 2):
            group = f"{number}-{n_parallel}"
            self.worker(f"workers in memory: {n_parallel}", f"m{group}", n_parallel)
            with tempfile.TemporaryDirectory() as folder:
                self.worker(
                    f"workers on disk: {n_parallel}",
                    f"d{group}",
                    n_parallel,
                    CXGAUGE_WORKER_STATE_DIR=folder,
                )
            self.streams(f"threads of Kafka Streams: {n_parallel}", n_parallel)


def median_of(ratios: list[float]) -> str:
    """Return the median and the values of all rounds."""
    return f"{statistics.median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})"


def report(floors: list[float], rates_by_label: dict[str, list[Rates]]) -> None:
    """Print medians, and the ratios to the floor by round."""
    print(f"{'floor':>28} {statistics.median(floors):>9,.0f}/s")
    for label, rates in rates_by_label.items():
        whole = [r.all_events / floor for r, floor in zip(rates, floors, strict=True)]
        half = [r.second_half / floor for r, floor in zip(rates, floors, strict=True)]
        print(
            f"{label:>28} {statistics.median(r.all_events for r in rates):>9,.0f}/s, ratio to the floor {median_of(whole)}, "
            f"second half {median_of(half)}, CPU {statistics.median(r.cpu for r in rates):.1f} µs"
        )


def main() -> None:
    with (
        Broker() as broker,
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as classes,
        ChaosCluster(broker.bootstrap, Path(folder)) as cluster,
    ):
        n_answers = len({record.key for record in cluster.publish(revised_answers(N))})
        comparison = Comparison(cluster, n_answers, compile_programs(classes))
        for number in range(ROUNDS):
            comparison.run_round(number)
    print(
        f"{N:,} records of {n_answers:,} answers, all state, exactly once, equal counts; {ROUNDS} rounds, medians"
    )
    report(comparison.floors, comparison.rates)


if __name__ == "__main__":
    main()
