"""Rebuilds with entities on disk: what is in memory does not grow with their number, and a crash leaves nothing of one."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from stream.core.aggregation import entities, stored_entities
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.rebuild import rebuild
from stream.core.aggregation.stored_entities import StoredEntities
from stream.core.aggregation.tickets import Tickets
from stream.core.model import checkpoint as checkpoint_format
from stream.kafka.reading import OffsetRange
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from tests.core.aggregation.simulator import once
from tests.core.aggregation.test_rebuild import LABELS, ChangedLabels, events, labelled
from tests.support import DAY, NOW, count, single
from tests.worker.disk.simulator import DiskSimulation

DOMAINS = [Feedback(), Tickets(), Customers()]
FEW = 1_000


class ChangedLabelsOnDisk(ChangedLabels, DiskSimulation):
    """Owners with databases whose settings differ by the order of labels."""


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_processes_that_die_in_a_rebuild_leave_nothing_of_it(
    domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database that one leaves has a part of the entities under other settings. It is not used again."""
    monkeypatch.setattr(entities, "SLICE", 3)
    monkeypatch.setattr(stored_entities, "ROWS", 4)
    crashes = 0
    for seed in range(3):
        DiskSimulation.folder = tmp_path / str(seed)
        simulation = ChangedLabelsOnDisk(seed, domain, partitions=1)
        for event in events(domain, 24):
            simulation.publish("", event.value(), event.stamp)
        for _ in range(30):
            simulation.step()
        (partition,) = simulation.finish()
        log = [record for record in simulation.logs[0] if not record.headers]
        assert partition.panes.blocks == once(partition, log).panes.blocks, f"seed {seed}"
        crashes += simulation.crashes
        simulation.close()
    assert crashes


def peak_of_rebuild(domain: Domain, n: int, folder: Path) -> tuple[int, int]:
    """Rebuild `n` entities from their topic. Return the peak of Python's memory in bytes, and the most changes that were held."""
    before = count(domain, events(domain, n), labelled(LABELS[0]))
    marker = checkpoint_format.encode(before.prepare_flush(NOW, 0).checkpoint)
    topic, task = list(before.store.entities.items()), single(domain, labelled(LABELS[1]))
    local = LocalState(claim(folder, ["cluster"], None), {domain.name: TopicFacts(b"ids", DAY)}, lambda: NOW)
    task.restore_panes(checkpoint_format.KEY, marker)
    held = changed = 0
    gc.freeze()  # keeps the collections below short
    tracemalloc.start()
    local.open(task, OffsetRange(0, len(topic)))
    stored = task.store.entities
    assert isinstance(stored, StoredEntities)
    for key, raw in topic:
        task.restore_state(key, bytes(bytearray(raw)))  # a copy, as a record that was fetched is
    for part in rebuild(task):
        held = max(held, len(part.state), stored.held)
        changed += len(part.state)
        gc.collect()  # garbage does not count
    task.finish_restore()
    flush = task.prepare_flush(NOW, 0)
    local.commit(task, checkpoint_format.encode(flush.checkpoint), len(topic))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.unfreeze()
    assert changed > n / 2
    assert len(flush.state) < n / 4
    assert task.panes.blocks == count(domain, events(domain, n), labelled(LABELS[1])).panes.blocks
    local.stop()
    return peak, held


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_memory_does_not_grow_with_the_number_of_entities(
    domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are read from the topic, changed and written, four times as many in the same memory."""
    monkeypatch.setattr(entities, "SLICE", 100)
    monkeypatch.setattr(stored_entities, "ROWS", 200)
    peak_of_rebuild(domain, FEW, tmp_path / "caches")  # which grow once
    few, held_of_few = peak_of_rebuild(domain, FEW, tmp_path / "few")
    many, held_of_many = peak_of_rebuild(domain, 4 * FEW, tmp_path / "many")
    assert max(held_of_few, held_of_many) < 500
    assert many < 1.2 * few
