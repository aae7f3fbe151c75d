"""Restoring partitions from their compacted topics, and checking their sources."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import TopicPartition

from schemas.unknown_fields import DECODE_ERRORS
from stream.config import Settings
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.rebuild import rebuild as rebuild_panes
from stream.core.aggregation.task import PartitionTask, checksum
from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.unreadable import UnreadableBatch
from stream.errors import PreconditionFailed
from stream.kafka.client import running
from stream.kafka.metadata import topic_ids
from stream.kafka.reading import OffsetRange, OffsetRanges, assign, committed_consumer, read_ranges
from stream.kafka.records import Consumer, described
from stream.worker.topic_binding import COUNT_AGAIN, TopicBinding, state_topic_id

if TYPE_CHECKING:
    from stream.worker.disk.local_state import LocalState

log = logging.getLogger(__name__)

RESTORE_BATCH = 10_000
"""Maximum records in a fetched batch. A record takes as much memory as the entity that is kept of it."""

UNREADABLE = (*DECODE_ERRORS, LookupError)
"""Errors of bytes that no worker wrote."""
Restore = Callable[[bytes, bytes | None], None]


class Restored(NamedTuple):
    """The range of a state topic that was read for a partition, and the topics that hold its state."""

    state: OffsetRange
    binding: TopicBinding


async def load(
    partitions: Collection[PartitionTask], settings: Settings, local: "LocalState | None" = None
) -> dict[PartitionTask, Restored]:
    """Restore every partition and check its topics.

    `local` has the databases of entities on disk, None if they are kept in memory.

    Raises:
        PreconditionFailed: state is unreadable or of another version or partition count, or its source was
            replaced or truncated
        KafkaError: of aiokafka
        DiskFailed: a database cannot be used
    """
    # Before reading: a topic that is created again after this is found empty, because former owners cannot write any more.
    ids = await topic_ids(settings.kafka, {settings.topics.state(p.domain.name) for p in partitions})
    async with running(committed_consumer(settings.kafka)) as consumer:
        restored = await _restore(consumer, partitions, settings, local, ids)
        for partition in partitions:
            _check_checkpoint(partition)
            _check_completeness(partition, restored[partition].state.end, settings)
        await _check_sources(consumer, partitions, settings)
    return restored


async def _restore(
    consumer: Consumer,
    partitions: Collection[PartitionTask],
    settings: Settings,
    local: "LocalState | None",
    ids: Mapping[str, bytes],
) -> dict[PartitionTask, Restored]:
    topics = settings.topics
    states = {TopicPartition(topics.state(p.domain.name), p.number): p for p in partitions}
    panes = {TopicPartition(topics.panes(p.domain.name), p.number): p for p in partitions}
    of_states: dict[TopicPartition, Restore] = {tp: p.restore_state for tp, p in states.items()}
    of_panes: dict[TopicPartition, Restore] = {tp: p.restore_panes for tp, p in panes.items()}
    # First the panes: their checkpoints decide whether the state topics fit, and how much of them is read.
    pane_ranges = await assign(consumer, of_panes)
    named = await _read(consumer, pane_ranges, of_panes)
    ranges = await assign(consumer, of_states)
    bindings = {}
    for (state, p), (tp, span) in zip(states.items(), pane_ranges.items(), strict=True):
        ends = {state.topic: ranges[state].end, tp.topic: span.end}
        bindings[p] = TopicBinding(p.number, state.topic, ids[state.topic], ends)
        bindings[p].check_state(named.get(tp, b""))
    if local is not None:
        ranges = {tp: span._replace(begin=local.open(states[tp], span)) for tp, span in ranges.items()}
    await _read(consumer, ranges, of_states)
    return {p: Restored(ranges[tp], bindings[p]) for tp, p in states.items()}


async def _read(
    consumer: Consumer, ranges: OffsetRanges, restorers: Mapping[TopicPartition, Restore]
) -> dict[TopicPartition, bytes]:
    """Restore the records of ranges. Return the IDs of state topics that checkpoints among them name."""
    named: dict[TopicPartition, bytes] = {}
    try:
        async for tp, records in read_ranges(consumer, ranges, max_records=RESTORE_BATCH):
            restore_records(restorers[tp], tp, records)
            for record in records:
                if record.key == checkpoint_format.KEY:
                    named[tp] = state_topic_id(record.headers)
    except PreconditionFailed as error:
        raise PreconditionFailed(f"{error}. {COUNT_AGAIN}") from error
    return named


def restore_records(restore: Restore, tp: TopicPartition, records: Iterable[Any]) -> None:
    """Restore records of a compacted topic. Raises PreconditionFailed for one that no worker wrote."""
    for record in records:
        try:
            restore(record.key, record.value)
        except UNREADABLE as error:
            raise PreconditionFailed(
                f"{tp.topic} partition {tp.partition}: the record at offset {record.offset} cannot be read: {error}"
            ) from error


def rebuild(partition: PartitionTask) -> Iterator[RebuiltSlice]:
    """Rebuild the panes of a partition, in slices that belong to the transaction of the next flush, and end its restore.

    Raises PreconditionFailed if an entity cannot be read.
    """
    with _unreadable_named(partition):
        yield from rebuild_panes(partition)
    finish(partition)


def finish(partition: PartitionTask) -> None:
    """End the restore of a partition that needs no rebuild.

    Raises PreconditionFailed if an entity that is needed for this cannot be read.
    """
    with _unreadable_named(partition):
        partition.finish_restore()


@contextmanager
def _unreadable_named(partition: PartitionTask) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise PreconditionFailed(
            f"state of {partition.domain.name} partition {partition.number}: a record cannot be read: {error}"
        ) from error


def _check_checkpoint(partition: PartitionTask) -> None:
    checkpoint, where = partition.checkpoint, f"{partition.domain.name} partition {partition.number}"
    if reason := partition.incompatibility():
        raise PreconditionFailed(f"state of {where}: {reason}")
    if checkpoint.next_offset and checkpoint.partitions != partition.partition_count:
        raise PreconditionFailed(
            f"state of {where}: counted with {checkpoint.partitions} partitions, but topics.partitions is "
            f"{partition.partition_count}. Set it back, or process the inputs again under another topics.state_prefix"
        )


def _check_completeness(partition: PartitionTask, state_end: int, settings: Settings) -> None:
    """Raise PreconditionFailed if one of the two compacted topics was replaced. A flush writes both or neither."""
    number, name = partition.number, partition.domain.name
    state, panes = settings.topics.state(name), settings.topics.panes(name)
    if partition.store.entities and not partition.checkpoint.written_at:
        raise replaced(panes, number, state)
    if len(partition.panes) and not state_end:
        raise replaced(state, number, panes)


def replaced(topic: str, number: int, other: str) -> PreconditionFailed:
    """Return the error about a partition of a topic that is empty although the other topic of the same flushes is not."""
    return PreconditionFailed(
        f"{topic} partition {number}: is empty, but {other} is not. The topic was deleted and created again. {COUNT_AGAIN}"
    )


async def _check_sources(
    consumer: Consumer, partitions: Collection[PartitionTask], settings: Settings
) -> None:
    counted = {
        TopicPartition(settings.topics.input(p.domain.name), p.number): p
        for p in partitions
        if p.checkpoint.next_offset
    }
    if not counted:
        return
    ranges = await assign(consumer, counted)
    unchecked = []
    for tp, p in counted.items():
        where = f"{tp.topic} partition {tp.partition}"
        begin, end = ranges[tp]
        if end < p.checkpoint.next_offset:
            raise PreconditionFailed(
                f"{where}: ends at offset {end}, but was counted up to offset {p.checkpoint.next_offset}. "
                "The topic was deleted and created again"
            )
        if begin > p.checkpoint.next_offset:
            raise PreconditionFailed(
                f"{where}: begins at offset {begin}, but was counted only up to offset {p.checkpoint.next_offset}. "
                "The records between were deleted before they were counted"
            )
        if begin <= p.checkpoint.last_offset:
            consumer.seek(tp, p.checkpoint.last_offset)
            unchecked.append(tp)
    while unchecked:
        for tp, records in (
            await consumer.getmany_checked(*unchecked, timeout_ms=200, max_records=len(unchecked))
        ).items():
            checkpoint = counted[tp].checkpoint
            first = records[0]
            if isinstance(first, UnreadableBatch) and first.offset <= checkpoint.last_offset < first.end:
                log.warning(
                    "%s. Its records were counted before, so the topic is taken to be unchanged",
                    described(tp, first),
                )
            elif first.offset != checkpoint.last_offset or checksum(first) != checkpoint.checksum:
                raise PreconditionFailed(
                    f"{tp.topic} partition {tp.partition}: the record at offset {checkpoint.last_offset} is not the one that was "
                    "counted. The topic was deleted and created again"
                )
            unchecked.remove(tp)
