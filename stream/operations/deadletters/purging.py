"""Removing somebody's dead letters from a topic of which Kafka can only delete a beginning.

    [ others  theirs  others  theirs  others |                          where they are; the bar: new segments begin
                                             | others  others  others   1. others' letters are copied behind it
                                             [ others  others  others   2. all before the bar is deleted

Copies keep key, value, headers and timestamp. Copying first, deleting after: a crash between them leaves letters twice,
never none, and the next purge of that person makes them one again, as of copies only the last is copied. What workers
append meanwhile is behind the bar. A purge fences the one before it. Partitions without anything of theirs are left.
"""

import asyncio
from collections import Counter
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from stream.config import Settings
from stream.importing.sending import ProgressMeter
from stream.kafka.admin import admin
from stream.kafka.client import client_options
from stream.kafka.reading import OffsetRange, OffsetRanges
from stream.operations.deadletters.dead_letter import DeadLetter
from stream.operations.deadletters.purge_subject import PurgeSubject
from stream.operations.deadletters.reading import open_reader, read_dead_letters
from stream.operations.deadletters.segments import new_segments

COPIES_AT_ONCE, BYTES_AT_ONCE = 500, 8 << 20
"""Copies in one transaction, so that none lasts long."""
REQUEST_BYTES = 8 << 20
READABLE_WITHIN = 90.0
"""Seconds until readers of what is committed get so far: a worker's transaction may hold them up for a while."""


class Purged(NamedTuple):
    """How many letters were removed, and how many of others were moved to the end for it."""

    removed: int
    moved: int
    rolled: bool = True
    """Whether the broker began new segments, so that the old ones can go from its disks."""


class _Plan(NamedTuple):
    """What is to be done in one partition: `old` goes, after letters at the offsets `keep` were copied."""

    old: OffsetRange
    keep: frozenset[int]
    theirs: int


_Plans = dict[TopicPartition, _Plan]


async def purge(settings: Settings, subject: PurgeSubject, *, dry: bool) -> Purged:
    """Remove the subject's letters, or only count them. Raises aiokafka's KafkaError."""
    if dry:
        async with open_reader(settings) as (consumer, spans):
            return _result(await _plan(consumer, spans, subject))
    producer = AIOKafkaProducer(
        **client_options(settings.kafka),
        transactional_id=f"{settings.worker.group}-deadletter-purge",
        max_request_size=REQUEST_BYTES,
    )
    try:
        await producer.start()  # fences another purge: what that one committed is read below
        async with open_reader(settings) as (consumer, spans):
            touched = list(await _plan(consumer, spans, subject))
            if not touched:
                return Purged(0, 0)
            bars = await new_segments(settings, producer, touched)
            if bars:
                await _wait_until_readable(consumer, bars)
            old = {tp: spans[tp]._replace(end=bars.get(tp, spans[tp].end)) for tp in touched}
            plans = await _plan(consumer, old, subject)
            await _copy(consumer, producer, plans)
    finally:
        await producer.stop()
    async with admin(settings) as client:
        await client.delete_records({tp: RecordsToDelete(plan.old.end) for tp, plan in plans.items()})
    return _result(plans)._replace(rolled=bool(bars))


def _result(plans: _Plans) -> Purged:
    return Purged(sum(plan.theirs for plan in plans.values()), sum(len(plan.keep) for plan in plans.values()))


async def _plan(consumer: AIOKafkaConsumer, spans: OffsetRanges, subject: PurgeSubject) -> _Plans:
    """The partitions in which something is theirs, and of the others' letters there the last copy of each."""
    theirs: Counter[int] = Counter()
    others: dict[int, dict[bytes, int]] = {tp.partition: {} for tp in spans}
    with ProgressMeter(sum(span.end - span.begin for span in spans.values()), "letters read") as meter:
        async for letter in read_dead_letters(consumer, spans):
            meter.step()
            if subject.matches(letter):
                theirs[letter.partition] += 1
            else:
                others[letter.partition][letter.digest] = letter.offset
    return {
        tp: _Plan(span, frozenset(others[tp.partition].values()), theirs[tp.partition])
        for tp, span in spans.items()
        if theirs[tp.partition]
    }


async def _copy(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, plans: _Plans) -> None:
    keep = {tp.partition: plan.keep for tp, plan in plans.items()}
    topic = next(iter(plans)).topic
    last: dict[TopicPartition, int] = {}
    batch: list[DeadLetter] = []
    size = 0
    with ProgressMeter(sum(map(len, keep.values())), "letters kept") as meter:
        async for letter in read_dead_letters(consumer, {tp: plan.old for tp, plan in plans.items()}):
            if letter.offset in keep[letter.partition]:
                batch.append(letter)
                size += len(letter.value or b"")
                meter.step()
            if len(batch) >= COPIES_AT_ONCE or size >= BYTES_AT_ONCE:
                last |= await _append(producer, topic, batch)
                batch, size = [], 0
        last |= await _append(producer, topic, batch)
    await _wait_until_readable(consumer, last)


async def _wait_until_readable(consumer: AIOKafkaConsumer, last: dict[TopicPartition, int]) -> None:
    """Wait until readers of what is committed get past these offsets."""
    async with asyncio.timeout(READABLE_WITHIN):
        while last:
            ends = await consumer.end_offsets(list(last))
            last = {tp: offset for tp, offset in last.items() if ends[tp] <= offset}
            await asyncio.sleep(0.01)


async def _append(
    producer: AIOKafkaProducer, topic: str, batch: list[DeadLetter]
) -> dict[TopicPartition, int]:
    """Copy in one transaction; the offset of the last copy in each partition."""
    if not batch:
        return {}
    async with producer.transaction():
        sent = [
            await producer.send(
                topic,
                letter.value,
                key=letter.key,
                partition=letter.partition,
                timestamp_ms=letter.dead_lettered_at,
                headers=list(letter.headers),
            )
            for letter in batch
        ]
        done = [await future for future in sent]  # committing does not look at failed batches
    return {letter.topic_partition: letter.offset for letter in done}
