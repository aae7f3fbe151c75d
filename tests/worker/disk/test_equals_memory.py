"""Partitions on disk end with the entities, panes and outcomes of partitions in memory, after erasures and expiry."""

import json
from random import Random

import pytest

from stream.core.aggregation import task as tasks
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.stored_entities import StoredEntities
from stream.core.aggregation.task import Flush, PartitionTask
from tests.core.aggregation.pipeline import Pipeline
from tests.core.aggregation.test_person_index import with_erasures
from tests.support import DAY, NOW
from tests.worker.disk.tables import MemoryTable


class DiskPipeline(Pipeline):
    """Tasks with entities in tables. Every third flush is written late, and tasks are sometimes opened again."""

    def __init__(self, partitions: int) -> None:
        super().__init__(partitions)
        self.tables = {name: MemoryTable() for name in self.tasks}
        self.flushes = 0
        for name, task in self.tasks.items():
            task.store.keep_in(StoredEntities(self.tables[name], task.kinds, task.config, is_empty=False))

    def _show(self, domain: str, number: int, flush: Flush) -> None:  # type: ignore[override]
        self.flushes += 1
        table, task = self.tables[domain, number], self.tasks[domain, number]  # type: ignore[index]
        opens = self.flushes % 7 == 1
        if self.flushes % 3 or opens:
            stored(task).commit([])
        if opens:
            task.store.keep_in(StoredEntities(table, task.kinds, task.config, is_empty=False))
            if task.erasures.index is not None:
                task.erasures.index = task.store.entities.persons


class MemoryPipeline(Pipeline):
    """Tasks with entities in memory."""

    def _show(self, domain: str, number: int, flush: Flush) -> None:  # type: ignore[override]
        """Show nothing."""


def stored(task: PartitionTask) -> StoredEntities:
    entities = task.store.entities
    assert isinstance(entities, StoredEntities)
    return entities


@pytest.mark.parametrize("seed", range(6))
def test_the_same_history_in_memory_and_on_disk(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All domains, in pieces, with erasures. Then the clock passes the end of every retention, some entities a flush."""
    monkeypatch.setattr(tasks, "MAX_EXPIRED", 10)
    history = with_erasures(Random(seed))
    pipelines = MemoryPipeline(2), DiskPipeline(2)
    for pipeline in pipelines:
        placement = Random(seed)
        for event in history:
            pipeline.publish(json.loads(event.value()), NOW, partition=placement.randrange(2))
        pipeline.run(Random(seed))
    for day in (0, 20, 33, 40, 500):
        now = NOW + day * DAY
        for _ in range(60):
            for name, in_memory in pipelines[0].tasks.items():
                on_disk = pipelines[1].tasks[name]
                for task in (in_memory, on_disk):
                    task.checkpoint.watermark = now
                    task.prepare_flush(now, 0)
                stored(on_disk).commit([])
        for name, in_memory in pipelines[0].tasks.items():
            on_disk = pipelines[1].tasks[name]
            assert dict(stored(on_disk).items()) == in_memory.store.entities, (name, day)
            assert len(stored(on_disk)) == len(in_memory.store.entities)
            assert on_disk.panes.blocks == in_memory.panes.blocks
            assert on_disk.outcome_counts == in_memory.outcome_counts
            assert list(pane_differences(on_disk)) == []
            rows = pipelines[1].tables[name].rows  # type: ignore[attr-defined]
            owned = sum(row.startswith((b"\0p", b"\0w")) for row in rows)
            kinds = in_memory.kinds
            assert owned == sum(
                kinds.of(key).person(key, raw) is not None or kinds.of(key).whole(key) is not None
                for key, raw in in_memory.store.entities.items()
            )
    assert any(task.erasures.index for task in pipelines[1].tasks.values())
