"""Entities in a table are those that a dict would hold, before and after every take, commit and restart."""

from itertools import chain
from random import Random
from typing import Any

import pytest

from stream.core.aggregation import stored_entities, stored_timers
from stream.core.aggregation.entity_kind import EntityKind, EntityKinds
from stream.core.aggregation.layers import OrderedTable
from stream.core.aggregation.stored_entities import StoredEntities
from stream.core.aggregation.timers import MemoryTimers
from stream.worker.disk.database import WriteRefused
from tests.support import MINUTE, NOW, aggregation_config
from tests.worker.disk.tables import MemoryTable, content


class Owned(EntityKind):
    """Entities whose bytes are the ID of a person, if not empty, and that are parts of their key's second byte."""

    def person(self, key: bytes, raw: bytes) -> bytes | None:
        del key
        return raw or None

    def whole(self, key: bytes) -> bytes | None:
        return key[:2]


CONFIG = aggregation_config()
SAME_CHECKSUM = b"plumless", b"buckeroo"
"""People whom the table does not tell apart."""
KINDS = EntityKinds([Owned(b"a", "a", bytes), Owned(b"b", "b", bytes), Owned(b"e", "e", bytes)])


def scanned(expected: dict[bytes, bytes], name: bytes) -> tuple[set[bytes], set[bytes]]:
    """Return the keys of a person, and those of a whole that name nobody."""
    return {k for k, raw in expected.items() if raw == name}, {
        k for k, raw in expected.items() if not raw and k[:2] == name
    }


def check(entities: StoredEntities, expected: dict[bytes, bytes]) -> None:
    assert list(entities.items()) == sorted(expected.items())
    assert len(entities) == len(expected)
    for prefix in (b"a", b"a1", b"b", b"c"):
        assert list(chain.from_iterable(entities.slices(prefix))) == sorted(
            item for item in expected.items() if item[0].startswith(prefix)
        )
    for name in (b"p", *SAME_CHECKSUM, b"a1", b"b2"):
        keys, parts = entities.persons.of_person(name), entities.persons.parts(name)
        assert (set(keys), set(parts)) == scanned(expected, name)
        assert len(keys) + len(parts) == len({*keys, *parts})


@pytest.mark.parametrize("seed", range(6))
def test_equal_a_dict_after_any_history(table: OrderedTable, seed: int) -> None:
    """Puts, deletions, look-ups alone and together, takes, commits, refused commits and restarts without a commit."""
    random = Random(seed)
    entities, expected = StoredEntities(table, KINDS, CONFIG, is_empty=False), {}
    taken: dict[bytes, bytes] = {}
    committed: dict[bytes, bytes] = {}
    for _ in range(400):
        key = b"%b%d%d" % (random.choice([b"a", b"b"]), random.randrange(3), random.randrange(4))
        match random.randrange(9):
            case 0 | 1 | 2:
                expected[key] = random.choice([b"", b"p", *SAME_CHECKSUM])
                entities.put(key, expected[key], reschedules=False)
            case 3:
                assert entities.pop(key, None) == expected.pop(key, None)
            case 4:
                assert entities.get(key) == expected.get(key)
                assert (key in entities) == (key in expected)
            case 5:
                entities.ask([key, b"a00", b"b11"])
            case 6:
                entities.take()
                taken = dict(expected)
            case 7:
                entities.commit([(b"\0c", b"%d" % len(taken))])
                committed = dict(taken)
            case 8 if random.random() < 0.2:
                entities = StoredEntities(table, KINDS, CONFIG, is_empty=False)
                expected, taken = dict(committed), dict(committed)
        check(entities, expected)
    assert content(table)[b"\0c"]


def test_a_refused_commit_keeps_the_changes_for_the_next_one() -> None:
    """Those of the flush that was refused and those of later ones."""
    table = MemoryTable()
    entities = StoredEntities(table, KINDS, CONFIG, is_empty=False)
    entities.put(b"a00", b"p", reschedules=False)
    entities.put(b"a02", b"", reschedules=False)
    entities.take()
    table.refuses = True
    with pytest.raises(WriteRefused):
        entities.commit([])
    entities.put(b"a01", b"q", reschedules=False)
    entities.put(b"a00", b"r", reschedules=False)
    entities.take()
    assert entities.unwritten == 3
    table.refuses = False
    entities.commit([])
    assert entities.unwritten == 0
    check(StoredEntities(table, KINDS, CONFIG, is_empty=False), {b"a00": b"r", b"a01": b"q", b"a02": b""})


def test_an_asked_key_is_not_looked_up_alone() -> None:
    """Whether it exists or not, until the next commit."""
    table = MemoryTable()
    entities = StoredEntities(table, KINDS, CONFIG, is_empty=False)
    reads = table.reads
    entities.ask([b"a00", b"a01"])
    assert b"a00" not in entities
    entities.put(b"a01", b"", reschedules=False)
    assert table.reads == reads


@pytest.mark.parametrize("seed", range(4))
def test_timers_are_due_as_in_memory(table: OrderedTable, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same keys at the same calls, whatever was taken or committed between, with limits and rows of few keys."""
    monkeypatch.setattr(stored_timers, "MAX_TIMERS", 3)
    random = Random(seed)
    entities = StoredEntities(table, KINDS, CONFIG, is_empty=False)
    stored: Any
    memory, stored = MemoryTimers(), entities.timers(of_derived=False)
    entities.timers(of_derived=True).keys(0).append(b"another")
    now = NOW
    for n in range(300):
        match random.randrange(6):
            case 0 | 1 | 2:
                at = now + random.randrange(-3, 10) * MINUTE + random.randrange(MINUTE)
                memory.keys(at).append(b"%d" % n)
                stored.keys(at).append(b"%d" % n)
            case 3:
                now += random.randrange(3) * MINUTE
                results = [timers.due(now, 1 << 30) for timers in (memory, stored)]
                assert sorted(results[0]) == sorted(results[1])
            case 4:
                limit = random.randrange(4)
                # within a minute the order may differ
                results = [timers.due(now, limit) for timers in (memory, stored)]
                assert len(results[0]) == len(results[1])
                rest = [timers.due(now, 1 << 30) for timers in (memory, stored)]
                assert sorted(results[0] + rest[0]) == sorted(results[1] + rest[1])
            case 5:
                entities.take()
                entities.commit([])
                if random.random() < 0.5:
                    entities = StoredEntities(table, KINDS, CONFIG, is_empty=False)
                    stored = entities.timers(of_derived=False)


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_restore_writes_as_it_reads(
    table: OrderedTable, monkeypatch: pytest.MonkeyPatch, *, is_empty: bool
) -> None:
    """A whole topic into an empty table, or its end into one that has the rest. Records may repeat."""
    monkeypatch.setattr(stored_entities, "ROWS", 4)
    entities = StoredEntities(table, KINDS, CONFIG, is_empty=is_empty)
    stored = entities.timers(of_derived=False)
    expected: dict[bytes, bytes] = {}

    def register(key: bytes, raw: bytes) -> None:
        del raw
        stored.keys(NOW).append(key)

    random = Random(1)
    for _ in range(200):
        key, raw = (
            b"a%d%d" % (random.randrange(3), random.randrange(9)),
            random.choice([None, b"", b"p", b"a1"]),
        )
        entities.restore(key, raw, register)
        if raw is None:
            expected.pop(key, None)
        else:
            expected[key] = raw
    for key, raw in entities.without_timers():
        register(key, raw)
    check(entities, expected)
    entities.take()
    entities.commit([])
    reopened = StoredEntities(table, KINDS, CONFIG, is_empty=False)
    check(reopened, expected)
    due = reopened.timers(of_derived=False).due(NOW, 1 << 30)
    assert set(expected) <= set(due)
    assert not is_empty or sorted(due) == sorted(expected)


def test_a_value_like_the_mark_of_no_change_is_a_value() -> None:
    """Layers compare by identity."""
    entities = StoredEntities(MemoryTable(), KINDS, CONFIG, is_empty=False)
    entities.put(b"a00", b"unch" + b"anged", reschedules=False)
    entities.take()
    assert entities[b"a00"] == b"unchanged"
