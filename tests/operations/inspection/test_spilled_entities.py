"""Entities in temporary files are those of a dict, and an audit of them holds a slice at a time."""

import gc
import tempfile
import tracemalloc
from random import Random

import pytest

from stream.core.aggregation import entities
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.tickets import Tickets
from stream.errors import PreconditionFailed
from stream.operations.inspection import spilled_entities
from stream.operations.inspection.spilled_entities import SpilledEntities
from tests.core.aggregation.test_rebuild import LABELS, events, labelled
from tests.support import count, single

FEW = 990


@pytest.mark.parametrize("in_memory", [256, 32 << 20])
@pytest.mark.parametrize("records", [0, 5_000])
def test_the_newest_record_of_each_key_counts(
    in_memory: int, records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In files and in memory, in one and in several, with deletions and empty entities."""
    monkeypatch.setattr(spilled_entities, "IN_MEMORY", in_memory)
    random, expected = Random(1), dict[bytes, bytes]()
    with SpilledEntities(records) as spilled:
        for _ in range(3_000):
            key, raw = b"%d" % random.randrange(700), random.choice([None, b"", random.randbytes(9)])
            spilled.restore(key, raw)
            if raw is None:
                expected.pop(key, None)
            else:
                expected[key] = raw
        slices = [dict(part) for part in spilled.slices()]
        assert len(slices) == records // entities.SLICE + 1
        assert sum(map(len, slices)) == len(expected) == spilled.count
        assert {key: raw for part in slices for key, raw in part.items()} == expected
        files = spilled._files
    assert all(file.closed for file in files)


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that sets the folder."""
    monkeypatch.setattr(spilled_entities, "IN_MEMORY", 256)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with SpilledEntities(0) as spilled, pytest.raises(PreconditionFailed, match=r"files cannot be.*TMPDIR"):
        spilled.restore(b"a", bytes(300))


def peak_of_audit(domain: Domain, n: int) -> int:
    """Audit `n` entities, and return the peak of Python's memory in bytes."""
    task, config = count(domain, events(domain, n), labelled(LABELS[0])), labelled(LABELS[0])
    topic, audited = list(task.store.entities.items()), single(domain, config)
    audited.panes = task.panes
    gc.freeze()  # keeps the collections below short
    tracemalloc.start()
    with SpilledEntities(n) as spilled:
        for key, raw in topic:
            spilled.restore(key, raw)

        def slices() -> object:
            for part in spilled.slices():
                yield part
                gc.collect()  # garbage does not count

        assert list(pane_differences(audited, slices())) == []  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.unfreeze()
    assert spilled.count == len(topic)
    return peak


@pytest.mark.parametrize("domain", [Feedback(), Tickets(), Customers()], ids=lambda domain: domain.name)
def test_memory_of_an_audit_does_not_grow_with_the_number_of_entities(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Panes are in memory, entities are not. Four times as many take the same memory, but for the buffers of files."""
    monkeypatch.setattr(entities, "SLICE", 250)
    monkeypatch.setattr(spilled_entities, "IN_MEMORY", 256)
    peak_of_audit(domain, FEW)  # caches grow once
    few, many = peak_of_audit(domain, FEW), peak_of_audit(domain, 4 * FEW)
    assert many - few < 16 * 2 * 8_192


@pytest.mark.parametrize("domain", [Feedback(), Tickets(), Customers()], ids=lambda domain: domain.name)
def test_an_audit_in_slices_finds_what_one_in_memory_finds(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entity that was lost, with the same lines."""
    monkeypatch.setattr(entities, "SLICE", 10)
    task = count(domain, events(domain, 100), labelled(LABELS[0]))
    del task.store.entities[
        next(key for key, raw in task.store.entities.items() if task.expected_deltas([(key, raw)]))
    ]
    faults = list(pane_differences(task))
    assert faults
    with SpilledEntities(len(task.store.entities)) as spilled:
        for key, raw in task.store.entities.items():
            spilled.restore(key, raw)
        assert sorted(pane_differences(task, spilled.slices())) == sorted(faults)
