"""Batch and flush boundaries change neither entities nor panes nor outcomes."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random
from re import sub
from typing import Any

import pytest

from schemas.codec import CONTENT_TYPE
from schemas.customers import CustomerErased
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.notes import Note, NoteDeleted
from schemas.topics import partition_of
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model import checkpoint as checkpoints
from tests.core.aggregation import histories
from tests.core.aggregation.tickets.events import created, message
from tests.support import DAY, HOUR, MINUTE, NOW, Event, FakeRecord, aggregation_config, records, with_fields

Domain = Callable[[], Any]
FOREIGN_KEY = next(key for n in range(99) if partition_of(key := b"%d" % n, 2) == 1)


def answers(random: Random, n: int, people: int, now: int) -> Iterator[Event]:
    """Yield `n` events of answers that are offered, given, edited, dismissed and deleted, and notes among them.

    Some are too late.
    """
    for i in range(n):
        number = random.randrange(n // 3)
        ids: dict[str, Any] = {"feedback_id": f"r{number}", "customer_id": f"p{number % people}"}
        at = now - random.choice([HOUR, 5 * DAY, 29 * DAY, 40 * DAY]) - random.randrange(3 * HOUR)
        stamp = now if at < now - 30 * DAY else min(now, at + random.choice([0, 5 * MINUTE, 2 * DAY]))
        data: Any = FeedbackOffered(survey="nps", channel="web", **ids)
        if (choice := random.random()) < 0.6:
            score, revision = random.choice([None, 3, 9]), random.choice([0, 0, 1, 2])
            reasons = random.choice([(), ("slow",)])
            data = FeedbackSubmitted(survey="nps", score=score, revision=revision, reasons=reasons, **ids)
        elif choice < 0.8:
            data = FeedbackDeleted(**ids)
        elif choice < 0.9:
            note_id, labels = f"n{number}", {"brand": "acme", "unknown": 1}
            data = (
                NoteDeleted(note_id=note_id)
                if i % 5 == 0
                else Note(note_id=note_id, text=f"{i}", labels=labels)
            )
        yield Event(data, at, stamp, f"e{i}")


HISTORIES: dict[Domain, Callable[[Random, int, int, int], Iterator[Event]]] = {
    Feedback: answers,
    Tickets: histories.tickets,
    Customers: histories.customers,
}


def mixed_batch(domain: Domain, seed: int, odd_share: float) -> list[FakeRecord]:
    """Return records of one of two partitions, with a share of erasures, repetitions and junk."""
    random = Random(seed)
    mixed_records: list[FakeRecord] = []
    for event in HISTORIES[domain](random, 160, 5, NOW):
        (record,) = records([event])
        record = record._replace(headers=[CONTENT_TYPE])
        if random.random() < 0.3:
            ignored = {f"x{n}": random.choice([1, None]) for n in random.sample(range(60), 30)}
            record = record._replace(value=with_fields(record.value or b"", **ignored, labels=ignored))
        if random.random() < odd_share:
            erasure = CustomerErased(customer_id=f"p{random.randrange(5)}")
            mixed_records += records([Event(erasure, event.at - random.randrange(DAY), event.stamp)])
        if random.random() < odd_share:
            record = record._replace(key=random.choice([None, b"", FOREIGN_KEY]))
        if random.random() < odd_share:
            record = record._replace(
                value=random.choice([None, b"", b"{", record.value]), headers=[("x", None)]
            )
        if random.random() < odd_share:
            original_timestamp = b"%d" % (record.timestamp - 12 * HOUR)
            record = record._replace(
                headers=random.choice([[("cx_timestamp", original_timestamp)], [("ce_specversion", b"1.0")]])
            )
        mixed_records.append(record)
        if random.random() < odd_share:
            mixed_records.append(random.choice(mixed_records))
    return [
        record._replace(offset=i)
        for i, record in enumerate(mixed_records)
        if random.random() < odd_share or not record.key or partition_of(record.key, 2) == 0
    ]


def process_and_restore(
    domain: Domain, batch: Sequence[FakeRecord], cuts: Sequence[int], flushes: Sequence[int]
) -> Any:
    """Process batches that end at `cuts`, flush at `flushes`, and return the outcome and the state."""
    partition, forwards, dead_letters = PartitionTask(domain(), 0, 2, aggregation_config()), [], []
    stored_state: dict[bytes, bytes | None] = {}
    stored_panes: dict[bytes, bytes | None] = {}
    for first, last in pairwise([0, *cuts, len(batch)]):
        partition.process(batch[first:last], NOW)
        if last in flushes or last == len(batch):
            flush = partition.prepare_flush(NOW, 0)
            forwards += flush.forwards
            dead_letters += flush.dead_letters
            stored_state.update(flush.state)
            stored_panes.update(flush.panes)
    assert {key: raw for key, raw in stored_state.items() if raw is not None} == partition.store.entities
    assert list(pane_differences(partition)) == []
    restored = PartitionTask(domain(), 0, 2, aggregation_config())
    for key, raw in stored_state.items():
        restored.restore_state(key, raw)
    for key, raw in stored_panes.items():
        restored.restore_panes(key, raw)
    restored.restore_panes(checkpoints.KEY, checkpoints.encode(partition.checkpoint))
    assert not restored.needs_rebuild
    restored.finish_restore()
    assert restored.panes.blocks == partition.panes.blocks
    figures = partition.outcome_counts, partition.checkpoint, partition.store.entities, partition.panes.blocks
    later = NOW + 60 * DAY
    for task in (partition, restored):
        task.checkpoint.watermark = later
        task.prepare_flush(later, 0)
    assert restored.panes.blocks == partition.panes.blocks
    assert restored.store.entities == partition.store.entities
    forwarded = [outgoing for outgoing in forwards if outgoing.domain == partition.domain.name]
    return (
        *figures,
        sorted(forwarded, key=repr),
        newest_derived(forwards, partition.domain.name),
        dead_letters,
    )


def newest_derived(forwards: Sequence[OutgoingRecord], domain: str) -> dict[str, Any]:
    """Return what the last derived event of each ticket or customer says.

    How many are written, and their numbers, depend on the flushes. A ticket that is gone may never have been told of.
    """
    newest: dict[str, Any] = {}
    for outgoing in forwards:
        if outgoing.domain != domain:
            data = json.loads(outgoing.value or b"")["data"]
            newest[data.get("ticket_id") or data["customer_id"]] = data
    return {
        name: {field: value for field, value in data.items() if field != "number"}
        for name, data in newest.items()
        if not data.get("gone")
    }


@pytest.mark.parametrize("domain", HISTORIES)
@pytest.mark.parametrize("odd_share", [0.0, 0.01, 0.2])
def test_batches_and_flushes_may_end_anywhere(domain: Domain, odd_share: float) -> None:
    """One batch, single records, and batches of any size, all of them or some flushed."""
    limited = set()
    for seed in range(5):
        batch = mixed_batch(domain, seed, odd_share)
        random, ends = Random(seed), range(1, len(batch))
        random_cuts = sorted(random.sample(ends, 12))
        expected = process_and_restore(domain, batch, [], [])
        assert sum(expected[0].values()) == len(batch)
        checkpoint = expected[1]
        limited.update(name for name, counts in checkpoint.unknown_fields.items() if "__other__" in counts)
        limited.update({"labels"} if "__other__" in checkpoint.ignored_labels else ())
        for cuts, flushes in (
            (ends, ends),
            (random_cuts, random_cuts),
            (ends, random_cuts),
            (random_cuts, random_cuts[::3]),
        ):
            assert process_and_restore(domain, batch, cuts, flushes) == expected
    assert limited > {"labels"}


@pytest.mark.parametrize("domain", HISTORIES)
def test_expiry_does_not_depend_on_batches(domain: Domain) -> None:
    """Three months in one batch give the same state as many flushes."""
    for seed in range(3):
        batch: list[FakeRecord] = []
        for month in range(3):
            random = Random(seed + 10 * month)
            for record in records(
                HISTORIES[domain](random, 120, 4, NOW - (2 - month) * 70 * DAY), len(batch)
            ):
                person_key, value = (
                    sub(rb"\b([a-z])(\d)", b"%d-\\1\\2" % month, raw) for raw in (record.key, record.value)
                )
                batch.append(record._replace(key=person_key, value=value))
        batch = [record for record in batch if partition_of(record.key or b"", 2) == 0]
        expected = process_and_restore(domain, batch, [], [])
        for step in (1, 7, 50):
            cuts = range(step, len(batch), step)
            assert process_and_restore(domain, batch, cuts, cuts) == expected


def test_a_record_without_a_key_does_not_change_the_keys_of_its_batch() -> None:
    """A message without a customer belongs to the ticket of its key."""
    events = [created(NOW, "t", customer_id="c"), message(NOW + MINUTE, "agent", "t")]
    batch = [FakeRecord(n, NOW + MINUTE, b"c", event.value()) for n, event in enumerate(events)]
    batch.append(FakeRecord(2, NOW + MINUTE, None, created(NOW, "u").value()))
    partition = PartitionTask(Tickets(), 0, 1, aggregation_config())
    partition.process(batch, NOW + MINUTE)
    partition.prepare_flush(NOW + MINUTE, 0)
    assert sum(key[:1] == b"t" for key in partition.store.entities) == 2
