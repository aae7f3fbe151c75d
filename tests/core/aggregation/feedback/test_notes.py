"""Notes: their edits, deletions, duplicates and limits, and that they are in no metric."""

from random import Random
from typing import Any

import pytest

from schemas.customers import CustomerErased
from schemas.keys import owner_of
from schemas.notes import Note, NoteDeleted
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.feedback import Feedback, notes
from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregates.feedback import NOTES
from stream.core.windows.notes import NoteBoard
from tests.core.aggregation.feedback.events import answer, outcomes, score
from tests.core.aggregation.simulator import Simulation
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Event,
    FakeRecord,
    aggregation_config,
    count,
    finish_restore,
    records,
    single,
)

Shown = set[tuple[int, str, str]]


def note(note_id: str, text: str, at: int = NOW, event_id: str = "e", **fields: Any) -> Event:
    return Event(Note(note_id=note_id, text=text, **fields), at, max(at, NOW), event_id)


def deleted(note_id: str, at: int = NOW) -> Event:
    return Event(NoteDeleted(note_id=note_id), at, max(at, NOW), "d")


def board(partition: PartitionTask) -> NoteBoard:
    """Return the notes that an exporter reads from the panes of a partition."""
    notes_of_exporter = NoteBoard()
    for key, block in partition.panes.blocks.items():
        if key.cell.aggregate == NOTES.name:
            assert (key.cell.view, key.cell.values) == ("total", ())
            notes_of_exporter.apply(key.cell.own_labels, block)
    return notes_of_exporter


def shown(partition: PartitionTask) -> Shown:
    return {(n.time, n.note_id, n.text) for n in board(partition).between(0, 1 << 62)}


def test_a_note_has_its_time_text_and_dimensions_and_is_in_no_figure() -> None:
    fields: dict[str, Any] = {
        "channel": " app ",
        "program": "checkout",
        "labels": {"brand": "acme", "x": "y"},
    }
    partition = count(Feedback(), [answer("r", 9), note("n", "Release 4.2", NOW - HOUR, **fields)])
    (only,) = board(partition).between(0, NOW)
    assert only == (
        NOW - HOUR,
        "n",
        "Release 4.2",
        {"channel": "app", "program": "checkout", "brand": "acme"},
    )
    assert outcomes(partition) == {"accepted": 2}
    assert partition.checkpoint.ignored_labels == {"x": 1}
    assert score(partition) == 100
    without = count(Feedback(), [answer("r", 9)])
    figures = {
        key: block for key, block in partition.panes.blocks.items() if key.cell.aggregate != NOTES.name
    }
    assert figures == without.panes.blocks


@pytest.mark.parametrize("order", [1, -1])
def test_the_highest_revision_then_the_newest_event_counts(order: int) -> None:
    """An edit may correct the time, with a revision also to an earlier one."""
    edits = [note("a", "old", NOW), note("a", "new", NOW + MINUTE)]
    revised = [note("b", "wrong", NOW), note("b", "right", NOW - HOUR, revision=1)]
    partition = count(Feedback(), [*edits[::order], *revised[::order]])
    assert shown(partition) == {(NOW + MINUTE, "a", "new"), (NOW - HOUR, "b", "right")}


def test_a_repeated_note_is_a_duplicate() -> None:
    """Also under another ID that sorts before, and a repeated deletion."""
    events = [note("a", "x", event_id="2"), note("a", "x", event_id="2"), note("a", "y", event_id="1")]
    partition = count(Feedback(), [*events, deleted("b"), deleted("b", NOW + MINUTE)])
    assert outcomes(partition) == {"accepted": 2, "duplicate": 3}
    assert shown(partition) == {(NOW, "a", "x")}


@pytest.mark.parametrize("order", [1, -1])
def test_a_deleted_note_is_gone_for_good(order: int) -> None:
    """Text and dimensions do not stay in the state, whatever order the events are read in."""
    events = [note("a", "secret", channel="app"), deleted("a", NOW + MINUTE), note("a", "secret", NOW + HOUR)]
    partition = count(Feedback(), events[::order])
    assert shown(partition) == set()
    assert b"secret" not in partition.store.entities[notes.KEY]
    assert b"app" not in partition.store.entities[notes.KEY]
    assert outcomes(partition) == ({"accepted": 3} if order == 1 else {"accepted": 2, "duplicate": 1})


def generated(random: Random) -> list[Event]:
    """Return notes with edits, deletions and repetitions, at times of which many are equal."""
    events = []
    for i in range(60):
        name, at = f"n{random.randrange(12)}", NOW - random.randrange(6) * MINUTE
        if random.random() < 0.1:
            events.append(deleted(name, at))
        else:
            events.append(note(name, f"text {i}", at, f"e{i}", revision=random.choice([0, 0, 0, 1])))
    return events + random.sample(events, 20)


def expected(events: list[Event]) -> Shown:
    """Return the notes by definition: of each the highest (revision, time, ID), none that was deleted."""
    gone = {event.data.note_id for event in events if isinstance(event.data, NoteDeleted)}
    newest: dict[str, tuple[tuple[int, int, str], str]] = {}
    for event in events:
        if event.data.note_id not in gone:
            ranked = ((event.data.revision, event.at, event.id), event.data.text)
            newest[event.data.note_id] = max(newest.get(event.data.note_id, ranked), ranked)
    return {(at, name, text) for name, ((_, at, _), text) in newest.items()}


@pytest.mark.parametrize("seed", range(20))
def test_any_order_batches_and_flushes_give_the_same_notes(seed: int) -> None:
    """Among answers, which take the fast path, and after a restart from the written records."""
    random = Random(seed)
    events = generated(random)
    mixed = [*events, *(answer(f"r{i}", 9) for i in range(60))]
    random.shuffle(mixed)
    partition, written = single(Feedback()), dict[bytes, bytes | None]()
    panes: dict[bytes, bytes | None] = {}
    rest: list[FakeRecord] = records(mixed)
    while rest:
        n = random.randrange(1, 50)
        partition.process(rest[:n], NOW + HOUR)
        rest = rest[n:]
        flush = partition.prepare_flush(NOW + HOUR, 0)
        written |= dict(flush.state)
        panes |= dict(flush.panes)
    assert shown(partition) == expected(events)
    assert list(pane_differences(partition)) == []
    restored = single(Feedback())
    for rows, restore in ((written, restored.restore_state), (panes, restored.restore_panes)):
        for key, value in rows.items():
            restore(key, value)
    finish_restore(restored)
    assert shown(restored) == expected(events)
    assert sum(outcomes(partition).values()) == len(mixed)
    assert score(partition) == 100


@pytest.mark.parametrize("block", range(4))
def test_notes_are_kept_exactly_once_over_crashes_and_other_settings(block: int) -> None:
    """Zombies, replays, takeovers and rebuilds, on up to three partitions."""
    for seed in range(block * 25, block * 25 + 25):
        random = Random(seed)
        events = generated(random)[: random.randrange(5, 40)]
        simulation = Simulation(seed, Feedback(), partitions=random.randrange(1, 4))
        for event in [*events, *random.sample(events, len(events) // 3)]:
            simulation.publish(owner_of(event.data), event.value(), event.stamp)
            for _ in range(random.randrange(4)):
                simulation.step()
        partitions = simulation.finish()
        assert set().union(*map(shown, partitions)) == expected(events), f"seed {seed}"
        for partition, log in zip(partitions, simulation.logs, strict=True):
            assert list(pane_differences(partition)) == [], f"seed {seed}"
            assert sum(outcomes(partition).values()) == len(log), f"seed {seed}"


def test_a_partition_keeps_the_newest_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order they are read."""
    monkeypatch.setattr(notes, "MAX_NOTES", 3)
    events = [note(f"n{i}", f"text {i}", NOW - i * MINUTE) for i in range(9)]
    for seed in range(9):
        partition = count(Feedback(), Random(seed).sample(events, 9))
        assert shown(partition) == {(NOW - i * MINUTE, f"n{i}", f"text {i}") for i in range(3)}
        assert list(pane_differences(partition)) == []


def test_the_packed_notes_fit_into_a_record() -> None:
    """Of the longest texts, IDs and dimensions the newest that fit are kept."""
    long = "\U0001f600"
    events = [
        note(long * 250 + f"{i:03}", long * 100, NOW + i, long * 256, channel=long * 64, team=long * 64)
        for i in range(150)
    ]
    partition = count(Feedback(), events)
    assert len(partition.store.entities[notes.KEY]) <= notes.MAX_BYTES
    kept = sorted(int(name[-3:]) for _, name, _ in shown(partition))
    assert kept == list(range(150 - len(kept), 150))
    assert len(kept) > 50


def test_notes_are_late_as_answers_are_and_are_kept_as_long_as_time_lines_reach() -> None:
    """Hour panes are kept for 67 days with windows of 30 days. Then the partition forgets the notes."""
    config = aggregation_config()
    partition = count(Feedback(), [note("old", "x", NOW - 32 * DAY), note("a", "x", NOW - 30 * DAY)])
    assert outcomes(partition) == {"accepted": 1, "late": 1}
    end = notes.expires_at(NOW - 30 * DAY, config)
    assert end - NOW > 36 * DAY
    for stamp, is_kept in ((end - 1, True), (end, False)):
        partition.process(records([answer(f"r{stamp}", 9, stamp)], partition.next_offset), stamp)
        partition.prepare_flush(stamp, 0)
        assert bool(shown(partition)) is is_kept
        assert (notes.KEY in partition.store.entities) is is_kept


def test_an_older_note_is_forgotten_with_the_next_one() -> None:
    partition = count(Feedback(), [note("a", "x")])
    later = notes.expires_at(NOW, aggregation_config())
    partition.process(records([note("b", "y", later)], partition.next_offset), later)
    partition.prepare_flush(later, 0)
    assert shown(partition) == {(later, "b", "y")}


def test_an_erasure_leaves_notes_alone() -> None:
    """They name nobody."""
    erasure = Event(CustomerErased(customer_id="c"), NOW, NOW)
    partition = count(Feedback(), [note("a", "x"), erasure, note("b", "y", NOW - HOUR)])
    assert shown(partition) == {(NOW, "a", "x"), (NOW - HOUR, "b", "y")}


def test_other_labels_are_taken_over_by_name() -> None:
    """As in answers: a label that is no longer configured goes."""
    partition = count(Feedback(), [note("a", "x", labels={"brand": "acme", "region": "north"})])
    flush = partition.prepare_flush(NOW, 0)
    changed = single(Feedback(), aggregation_config(labels=("region",), config_hash="other"))
    for key, raw in partition.store.entities.items():
        changed.restore_state(key, raw)
    changed.checkpoint = flush.checkpoint
    assert finish_restore(changed)
    changed.prepare_flush(NOW, 0)
    (only,) = board(changed).between(0, NOW)
    assert only.dimensions == {"region": "north"}
