"""An exporter in memory, fed with what workers would have written."""

import gzip
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from schemas.feedback import FeedbackSubmitted
from schemas.topics import topics_of
from stream.config import load
from stream.core.domains import DOMAINS
from stream.core.marker import KEY, encode
from stream.core.partition import Partition
from stream.exporter.coverage import Place
from stream.exporter.exporter import Batch, Exporter
from stream.wiring import rules
from tests.support import NOW, Event, Rec, records

SHOWN = 'cx_nps_score{view="total",window="1h"}'
"""A figure that is there as soon as answers are shown."""


def exporter(**env: str) -> Exporter:
    """One of a single partition a topic."""
    return Exporter(load(None, {"CXGAUGE_TOPICS_PARTITIONS": "1", **env}))


class Worker:
    """The only partition of each domain, counted; a call is a flush of each."""

    def __init__(self, shown: Exporter) -> None:
        in_force = rules(shown.settings)
        self.partitions = {domain.name: Partition(domain, 0, 1, in_force) for domain in DOMAINS}
        self._written = 0

    def __call__(
        self, events: Iterable[Event] = (), clock: int = NOW, lag: int = 0, **marker: Any
    ) -> dict[str, list[Rec]]:
        """What is written after these events, each on its topic; `marker` changes what the marker says."""
        for event in events:
            partition = self.partitions[topics_of(type(event.data))[0].domain]
            partition.fold(records([event], partition.next), clock)
        return {name: self._flush(each, clock, lag, marker) for name, each in self.partitions.items()}

    def _flush(self, partition: Partition, clock: int, lag: int, changes: dict[str, Any]) -> list[Rec]:
        flush = partition.take(clock, lag)
        rows = [*flush.panes, (KEY, encode(replace(flush.marker, **changes)))]
        self._written += len(rows)
        return [Rec(self._written + n, clock, key, value) for n, (key, value) in enumerate(rows)]


def counted(shown: Exporter, events: list[Event], *, lag: int = 0) -> dict[str, list[Rec]]:
    """What a worker would have written, for each domain."""
    return Worker(shown)(events, lag=lag)


def feed(shown: Exporter, written: dict[str, list[Rec]], steady: int = 0, **batch: bool) -> None:
    """Have it read records; `batch`: how they came."""
    for domain, rows in written.items():
        for _ in shown.take(Batch(Place(domain, 0), rows, **batch), steady=steady, wall=NOW):
            pass


def refresh(shown: Exporter, steady: int = 0, wall: int = NOW) -> dict[str, float]:
    """The page brought up to date: each series as it is written, to its value."""
    for _ in shown.refresh(steady, wall):
        pass
    assert gzip.decompress(shown.page.zipped) == shown.page.plain
    lines = (line.rpartition(" ") for line in shown.page.plain.decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def answers(n: int, score: int = 10, at: int = NOW, **more: Any) -> list[Event]:
    """NPS answers of that time, with ids that depend on what they say."""
    name = f"{score}{at}{sorted(more.items())}"
    return [
        Event(FeedbackSubmitted(feedback_id=f"{name}{i}", survey="nps", score=score, **more), at, at)
        for i in range(n)
    ]
