"""Purging a customer's dead letters from a topic of which Kafka can only delete the beginning.

    [ others  theirs  others  theirs  others |                          before; the bar marks the begin of new segments
                                             | others  others  others   1. copy the others' dead letters after the bar
                                             [ others  others  others   2. delete everything before the bar

Copies keep key, value, headers and timestamp. A crash between the steps leaves dead letters twice. The next
purge of the same customer removes the duplicates, because it copies only the last copy of each. Records that
workers append meanwhile are after the bar. A purge fences an earlier one that still runs. Partitions without
matching dead letters are not changed.
"""

import asyncio
from collections import Counter
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from stream.config import Settings
from stream.importing.sending import ProgressMeter
from stream.kafka.admin import admin
from stream.kafka.client import client_options, running
from stream.kafka.reading import OffsetRange, OffsetRanges
from stream.kafka.rights import Operation
from stream.operations.deadletters.dead_letter import DeadLetter
from stream.operations.deadletters.purge_subject import PurgeSubject
from stream.operations.deadletters.reading import open_reader, read_dead_letters
from stream.operations.deadletters.segments import new_segments

COPIES_AT_ONCE, BYTES_AT_ONCE = 500, 8 << 20
"""Maximum copies and bytes in a transaction, so that none lasts long."""
REQUEST_BYTES = 8 << 20
PURGE = (Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER_CONFIGS)
"""The operations that a purge needs. Checked before it changes anything, because one without Delete would only copy."""
READABLE_TIMEOUT = 90.0
"""Seconds to wait until copies are readable, because an open transaction of a worker blocks readers."""


class PurgeResult(NamedTuple):
    """Numbers of removed dead letters and of those of others that were moved to the end."""

    removed: int
    moved: int
    rolled: bool = True
    """False if the broker refused to begin new segments, so that deleted bytes stay on its disks."""


class _PurgePlan(NamedTuple):
    """The purge of a partition: copy dead letters at the offsets `keep`, then delete the range `old`."""

    old: OffsetRange
    keep: frozenset[int]
    matching: int


_PurgePlans = dict[TopicPartition, _PurgePlan]


async def purge(settings: Settings, subject: PurgeSubject, *, dry_run: bool) -> PurgeResult:
    """Remove the subject's dead letters, or only count them with `dry_run`. Raises aiokafka's KafkaError."""
    if dry_run:
        async with open_reader(settings) as (consumer, ranges):
            return _result(await _plan(consumer, ranges, subject))
    producer = AIOKafkaProducer(
        **client_options(settings.kafka),
        transactional_id=f"{settings.worker.group}-deadletter-purge",
        max_request_size=REQUEST_BYTES,
    )
    # the start fences another purge, so that its copies are complete when they are read below
    async with running(producer), open_reader(settings, PURGE) as (consumer, ranges):
        affected = list(await _plan(consumer, ranges, subject))
        if not affected:
            return PurgeResult(0, 0)
        boundaries = await new_segments(settings, producer, affected)
        if boundaries:
            await _wait_until_readable(consumer, boundaries)
        old = {tp: ranges[tp]._replace(end=boundaries.get(tp, ranges[tp].end)) for tp in affected}
        plans = await _plan(consumer, old, subject)
        await _copy(consumer, producer, plans)
    async with admin(settings) as client:
        await client.delete_records({tp: RecordsToDelete(plan.old.end) for tp, plan in plans.items()})
    return _result(plans)._replace(rolled=bool(boundaries))


def _result(plans: _PurgePlans) -> PurgeResult:
    return PurgeResult(
        sum(plan.matching for plan in plans.values()), sum(len(plan.keep) for plan in plans.values())
    )


async def _plan(consumer: AIOKafkaConsumer, ranges: OffsetRanges, subject: PurgeSubject) -> _PurgePlans:
    """Return a plan for each partition with matching dead letters.

    Of the others it keeps the last copy of each.
    """
    matching: Counter[int] = Counter()
    others: dict[int, dict[bytes, int]] = {tp.partition: {} for tp in ranges}
    with ProgressMeter(sum(span.end - span.begin for span in ranges.values()), "dead letters read") as meter:
        async for dead_letter in read_dead_letters(consumer, ranges):
            meter.step()
            if subject.matches(dead_letter):
                matching[dead_letter.partition] += 1
            else:
                others[dead_letter.partition][dead_letter.digest] = dead_letter.offset
    return {
        tp: _PurgePlan(span, frozenset(others[tp.partition].values()), matching[tp.partition])
        for tp, span in ranges.items()
        if matching[tp.partition]
    }


async def _copy(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, plans: _PurgePlans) -> None:
    keep = {tp.partition: plan.keep for tp, plan in plans.items()}
    topic = next(iter(plans)).topic
    last: dict[TopicPartition, int] = {}
    batch: list[DeadLetter] = []
    size = 0
    with ProgressMeter(sum(map(len, keep.values())), "dead letters copied") as meter:
        async for dead_letter in read_dead_letters(consumer, {tp: plan.old for tp, plan in plans.items()}):
            if dead_letter.offset in keep[dead_letter.partition]:
                batch.append(dead_letter)
                size += len(dead_letter.value or b"")
                meter.step()
            if len(batch) >= COPIES_AT_ONCE or size >= BYTES_AT_ONCE:
                last |= await _append(producer, topic, batch)
                batch, size = [], 0
        last |= await _append(producer, topic, batch)
    await _wait_until_readable(consumer, last)


async def _wait_until_readable(consumer: AIOKafkaConsumer, last: dict[TopicPartition, int]) -> None:
    """Wait until the last stable offsets are after these offsets."""
    async with asyncio.timeout(READABLE_TIMEOUT):
        while last:
            ends = await consumer.end_offsets(list(last))
            last = {tp: offset for tp, offset in last.items() if ends[tp] <= offset}
            await asyncio.sleep(0.01)


async def _append(
    producer: AIOKafkaProducer, topic: str, batch: list[DeadLetter]
) -> dict[TopicPartition, int]:
    """Copy dead letters in one transaction. Return the offset of the last copy in each partition."""
    if not batch:
        return {}
    async with producer.transaction():
        futures = [
            await producer.send(
                topic,
                dead_letter.value,
                key=dead_letter.key,
                partition=dead_letter.partition,
                timestamp_ms=dead_letter.dead_lettered_at,
                headers=list(dead_letter.headers),
            )
            for dead_letter in batch
        ]
        written = [await future for future in futures]  # committing does not check for failed batches
    return {metadata.topic_partition: metadata.offset for metadata in written}
