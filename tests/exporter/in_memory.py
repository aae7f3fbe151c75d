"""An exporter in memory that reads records as workers write them."""

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

NPS_SERIES = 'cx_nps_score{view="total",window="1h"}'
"""A series that is served as soon as answers count."""


def exporter(**env: str) -> ExporterState:
    """Return the state of an exporter with one partition per topic."""
    return ExporterState(load(None, {"CXGAUGE_TOPICS_PARTITIONS": "1", **env}))


class Worker:
    """The tasks of one worker with the only partition of each domain. A call flushes all of them."""

    def __init__(self, state: ExporterState) -> None:
        config = aggregation_config(state.settings)
        self.partitions = {domain.name: PartitionTask(domain, 0, 1, config) for domain in DOMAIN_REGISTRY}
        self._written = 0

    def __call__(
        self, events: Iterable[Event] = (), clock: int = NOW, lag: int = 0, **checkpoint_fields: Any
    ) -> dict[str, list[FakeRecord]]:
        """Process events and return the records written, by domain.

        `checkpoint_fields` replace fields of the checkpoint.
        """
        for event in events:
            partition = self.partitions[topics_of(type(event.data))[0].domain]
            partition.process(records([event], partition.next_offset), clock)
        return {
            name: self._flush(task, clock, lag, checkpoint_fields) for name, task in self.partitions.items()
        }

    def _flush(
        self, partition: PartitionTask, clock: int, lag: int, changes: dict[str, Any]
    ) -> list[FakeRecord]:
        flush = partition.prepare_flush(clock, lag)
        rows = [*flush.panes, (KEY, encode(replace(flush.checkpoint, **changes)))]
        self._written += len(rows)
        return [FakeRecord(self._written + n, clock, key, value) for n, (key, value) in enumerate(rows)]


def write_flush(state: ExporterState, events: list[Event], *, lag: int = 0) -> dict[str, list[FakeRecord]]:
    """Return the records that a new worker writes for these events, by domain."""
    return Worker(state)(events, lag=lag)


def compacted(written: Iterable[dict[str, list[FakeRecord]]]) -> dict[str, list[FakeRecord]]:
    """Return the newest record of each key, in their order, by domain."""
    newest: dict[str, dict[bytes | None, FakeRecord]] = {}
    for records_of_flush in written:
        for domain, rows in records_of_flush.items():
            for record in rows:
                newest.setdefault(domain, {}).pop(record.key, None)
                newest[domain][record.key] = record
    return {domain: list(rows.values()) for domain, rows in newest.items()}


def apply_records(
    state: ExporterState, written: dict[str, list[FakeRecord]], monotonic_ms: int = 0, **batch: bool
) -> None:
    """Apply records. `batch` has further fields of the `PaneBatch`."""
    for domain, rows in written.items():
        for _ in state.apply(
            PaneBatch(PartitionId(domain, 0), rows, **batch), monotonic_ms=monotonic_ms, wall_ms=NOW
        ):
            pass


def refresh(state: ExporterState, monotonic_ms: int = 0, wall_ms: int = NOW) -> dict[str, float]:
    """Refresh the exposition and return the value of each series by its name and labels."""
    for _ in state.refresh(monotonic_ms, wall_ms):
        pass
    assert gzip.decompress(state.exposition.gzipped) == state.exposition.plain
    lines = (line.rpartition(" ") for line in state.exposition.plain.decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def answers(n: int, score: int = 10, at: int = NOW, **fields: Any) -> list[Event]:
    """Return NPS answers of that time, with IDs that depend on their content."""
    name = f"{score}{at}{sorted(fields.items())}"
    return [
        Event(FeedbackSubmitted(feedback_id=f"{name}{i}", survey="nps", score=score, **fields), at, at)
        for i in range(n)
    ]
