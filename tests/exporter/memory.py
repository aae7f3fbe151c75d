"""An exporter in memory, fed with what workers would have written."""

import gzip
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from schemas.feedback import FeedbackSubmitted
from schemas.topics import topics_of
from stream.config import load
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model.checkpoint import KEY, encode
from stream.exporter.coverage import PartitionId
from stream.exporter.state import ExporterState, PaneBatch
from tests.support import NOW, Event, FakeRecord, records

SHOWN = 'cx_nps_score{view="total",window="1h"}'
"""A figure that is there as soon as answers are shown."""


def exporter(**env: str) -> ExporterState:
    """One of a single partition a topic."""
    return ExporterState(load(None, {"CXGAUGE_TOPICS_PARTITIONS": "1", **env}))


class Worker:
    """The only partition of each domain, counted; a call is a flush of each."""

    def __init__(self, shown: ExporterState) -> None:
        config = aggregation_config(shown.settings)
        self.partitions = {domain.name: PartitionTask(domain, 0, 1, config) for domain in DOMAIN_REGISTRY}
        self._written = 0

    def __call__(
        self, events: Iterable[Event] = (), clock: int = NOW, lag: int = 0, **marker: Any
    ) -> dict[str, list[FakeRecord]]:
        """What is written after these events, each on its topic; `marker` changes what the marker says."""
        for event in events:
            partition = self.partitions[topics_of(type(event.data))[0].domain]
            partition.process(records([event], partition.next_offset), clock)
        return {name: self._flush(each, clock, lag, marker) for name, each in self.partitions.items()}

    def _flush(
        self, partition: PartitionTask, clock: int, lag: int, changes: dict[str, Any]
    ) -> list[FakeRecord]:
        flush = partition.prepare_flush(clock, lag)
        rows = [*flush.panes, (KEY, encode(replace(flush.checkpoint, **changes)))]
        self._written += len(rows)
        return [FakeRecord(self._written + n, clock, key, value) for n, (key, value) in enumerate(rows)]


def counted(shown: ExporterState, events: list[Event], *, lag: int = 0) -> dict[str, list[FakeRecord]]:
    """What a worker would have written, for each domain."""
    return Worker(shown)(events, lag=lag)


def feed(
    shown: ExporterState, written: dict[str, list[FakeRecord]], monotonic_ms: int = 0, **batch: bool
) -> None:
    """Have it read records; `batch`: how they came."""
    for domain, rows in written.items():
        for _ in shown.apply(
            PaneBatch(PartitionId(domain, 0), rows, **batch), monotonic_ms=monotonic_ms, wall_ms=NOW
        ):
            pass


def refresh(shown: ExporterState, monotonic_ms: int = 0, wall_ms: int = NOW) -> dict[str, float]:
    """The page brought up to date: each series as it is written, to its value."""
    for _ in shown.refresh(monotonic_ms, wall_ms):
        pass
    assert gzip.decompress(shown.exposition.gzipped) == shown.exposition.plain
    lines = (line.rpartition(" ") for line in shown.exposition.plain.decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def answers(n: int, score: int = 10, at: int = NOW, **more: Any) -> list[Event]:
    """NPS answers of that time, with ids that depend on what they say."""
    name = f"{score}{at}{sorted(more.items())}"
    return [
        Event(FeedbackSubmitted(feedback_id=f"{name}{i}", survey="nps", score=score, **more), at, at)
        for i in range(n)
    ]
