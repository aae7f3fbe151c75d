"""The cut of records into batches and flushes changes neither entities nor panes nor outcomes."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random
from re import sub
from typing import Any

import pytest

from schemas.codec import CONTENT_TYPE
from schemas.customers import CustomerErased
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.topics import partition_of
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model import checkpoint as markers
from tests.core.aggregation import histories
from tests.core.aggregation.tickets.events import created, message
from tests.support import DAY, HOUR, MINUTE, NOW, Event, FakeRecord, aggregation_config, records

Domain = Callable[[], Any]
FOREIGN = next(key for n in range(99) if partition_of(key := b"%d" % n, 2) == 1)


def answers(random: Random, n: int, people: int, now: int) -> Iterator[Event]:
    """`n` events of answers that are offered, given, edited, dismissed and deleted, some of them too late."""
    for i in range(n):
        number = random.randrange(n // 3)
        about: dict[str, Any] = {"feedback_id": f"r{number}", "customer_id": f"p{number % people}"}
        at = now - random.choice([HOUR, 5 * DAY, 29 * DAY, 40 * DAY]) - random.randrange(3 * HOUR)
        stamp = now if at < now - 30 * DAY else min(now, at + random.choice([0, 5 * MINUTE, 2 * DAY]))
        data: Any = FeedbackOffered(survey="nps", channel="web", **about)
        if (dice := random.random()) < 0.6:
            score, revision = random.choice([None, 3, 9]), random.choice([0, 0, 1, 2])
            reasons = random.choice([(), ("slow",)])
            data = FeedbackSubmitted(survey="nps", score=score, revision=revision, reasons=reasons, **about)
        elif dice < 0.8:
            data = FeedbackDeleted(**about)
        yield Event(data, at, stamp, f"e{i}")


HISTORIES: dict[Domain, Callable[[Random, int, int, int], Iterator[Event]]] = {
    Feedback: answers,
    Tickets: histories.tickets,
    Customers: histories.customers,
}


def mixed(domain: Domain, seed: int, odd: float) -> list[FakeRecord]:
    """Records of one of two partitions; `odd` of them erased, repeated, without a key or value, not ours or junk."""
    random = Random(seed)
    mixed_records: list[FakeRecord] = []
    for event in HISTORIES[domain](random, 160, 5, NOW):
        (record,) = records([event])
        record = record._replace(headers=[CONTENT_TYPE])
        if random.random() < odd:
            who = CustomerErased(customer_id=f"p{random.randrange(5)}")
            mixed_records += records([Event(who, event.at - random.randrange(DAY), event.stamp)])
        if random.random() < odd:
            record = record._replace(key=random.choice([None, b"", FOREIGN]))
        if random.random() < odd:
            record = record._replace(
                value=random.choice([None, b"", b"{", record.value]), headers=[("x", None)]
            )
        if random.random() < odd:
            first = b"%d" % (record.timestamp - 12 * HOUR)
            record = record._replace(
                headers=random.choice([[("cx_timestamp", first)], [("ce_specversion", b"1.0")]])
            )
        mixed_records.append(record)
        if random.random() < odd:
            mixed_records.append(random.choice(mixed_records))
    return [
        record._replace(offset=i)
        for i, record in enumerate(mixed_records)
        if random.random() < odd or not record.key or partition_of(record.key, 2) == 0
    ]


def outcome(domain: Domain, listed: Sequence[FakeRecord], cuts: Sequence[int], flushes: Sequence[int]) -> Any:
    """All that can be told of a partition that read up to each of `cuts` at once and was flushed at some of them."""
    partition, letters, dead = PartitionTask(domain(), 0, 2, aggregation_config()), [], []
    kept: dict[bytes, bytes | None] = {}
    shown: dict[bytes, bytes | None] = {}
    for first, last in pairwise([0, *cuts, len(listed)]):
        partition.process(listed[first:last], NOW)
        if last in flushes or last == len(listed):
            flush = partition.prepare_flush(NOW, 0)
            letters += flush.forwards
            dead += flush.dead_letters
            kept.update(flush.state)
            shown.update(flush.panes)
    assert {key: raw for key, raw in kept.items() if raw is not None} == partition.store.entities
    assert list(pane_differences(partition)) == []
    again = PartitionTask(domain(), 0, 2, aggregation_config())
    for key, raw in kept.items():
        again.restore_state(key, raw)
    for key, raw in shown.items():
        again.restore_panes(key, raw)
    again.restore_panes(markers.KEY, markers.encode(partition.checkpoint))
    assert not again.finish_restore()
    assert again.panes.blocks == partition.panes.blocks
    figures = partition.outcome_counts, partition.checkpoint, partition.store.entities, partition.panes.blocks
    later = NOW + 60 * DAY
    for each in (partition, again):
        each.checkpoint.watermark = later
        each.prepare_flush(later, 0)
    assert again.panes.blocks == partition.panes.blocks
    assert again.store.entities == partition.store.entities
    return (*figures, sorted(letters, key=repr), dead)


@pytest.mark.parametrize("domain", HISTORIES)
@pytest.mark.parametrize("odd", [0.0, 0.01, 0.2])
def test_batches_and_flushes_may_end_anywhere(domain: Domain, odd: float) -> None:
    """All at once; record by record; batches of any size, each flushed, or some of them."""
    for seed in range(5):
        listed = mixed(domain, seed, odd)
        random, ends = Random(seed), range(1, len(listed))
        some = sorted(random.sample(ends, 12))
        expected = outcome(domain, listed, [], [])
        assert sum(expected[0].values()) == len(listed)
        for cuts, flushes in ((ends, ends), (some, some), (ends, some), (some, some[::3])):
            assert outcome(domain, listed, cuts, flushes) == expected


@pytest.mark.parametrize("domain", HISTORIES)
def test_expiry_between_batches(domain: Domain) -> None:
    """Three months at once, of which only the last is still held, or flush by flush."""
    for seed in range(3):
        listed: list[FakeRecord] = []
        for month in range(3):
            random = Random(seed + 10 * month)
            for record in records(
                HISTORIES[domain](random, 120, 4, NOW - (2 - month) * 70 * DAY), len(listed)
            ):
                person_key, value = (
                    sub(rb"\b([a-z])(\d)", b"%d-\\1\\2" % month, raw) for raw in (record.key, record.value)
                )
                listed.append(record._replace(key=person_key, value=value))
        listed = [record for record in listed if partition_of(record.key or b"", 2) == 0]
        expected = outcome(domain, listed, [], [])
        for step in (1, 7, 50):
            cuts = range(step, len(listed), step)
            assert outcome(domain, listed, cuts, cuts) == expected


def test_a_record_without_a_key_does_not_change_the_keys_beside_it() -> None:
    """A message that names no customer belongs to the ticket of its key, whatever is read together with it."""
    events = [created(NOW, "t", customer_id="c"), message(NOW + MINUTE, "agent", "t")]
    listed = [FakeRecord(n, NOW + MINUTE, b"c", event.value()) for n, event in enumerate(events)]
    listed.append(FakeRecord(2, NOW + MINUTE, None, created(NOW, "u").value()))
    partition = PartitionTask(Tickets(), 0, 1, aggregation_config())
    partition.process(listed, NOW + MINUTE)
    partition.prepare_flush(NOW + MINUTE, 0)
    assert sum(key[:1] == b"t" for key in partition.store.entities) == 2
