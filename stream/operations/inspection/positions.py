"""The position of every source partition: its end offset and the checkpoint of the last flush."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import DOMAINS, DomainName
from stream.config import Settings
from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.checkpoint import MAX_AGE, Checkpoint
from stream.kafka.client import running
from stream.kafka.metadata import topic_ids
from stream.kafka.reading import OffsetRange, committed_consumer, high_watermarks, read_ranges
from stream.worker.topic_binding import names_same_topic, state_topic_id

SKEW = 1_000
"""Ms by which a worker's clock may be ahead of this machine's."""
TAIL = 64
"""Offsets before the end of a partition that are read first for its checkpoint."""


class Position(NamedTuple):
    """A source partition.

    `end` is the high watermark. `checkpoint` is that of the last flush, None if the partition was never counted.
    `uncommitted` is the number of offsets from the first open transaction to the end, which no worker may read.
    """

    number: int
    end: int
    checkpoint: Checkpoint | None
    uncommitted: int = 0
    state_end: int | None = None
    """End of the partition's state topic. None if it is not known."""
    state_fits: bool = True
    """False if the checkpoint names another state topic by its ID."""

    @property
    def behind(self) -> int:
        """Number of offsets that are not counted."""
        return self.end - (self.checkpoint.next_offset if self.checkpoint else 0)


def summary(partition_positions: Collection[Position]) -> str:
    """Return a text with the number of uncounted offsets of each partition."""
    return f"uncounted offsets by partition: {' '.join(str(position.behind) for position in partition_positions)}"


def problems(partition_positions: Collection[Position], config_hash: str, now: int) -> list[str]:
    """Return a line for each reason why partitions are not covered. `now` is this machine's time in ms."""
    numbers: dict[str, list[int]] = {}
    for position in partition_positions:
        for text in _problems(position, len(partition_positions), config_hash, now):
            numbers.setdefault(text, []).append(position.number)
    return [f"{text}: partition {', '.join(map(str, partitions))}" for text, partitions in numbers.items()]


def blocked(topic: str, partition_positions: Iterable[Position]) -> Iterator[str]:
    """Yield a line for each unreadable batch that blocks a partition."""
    for number, _, checkpoint, *_ in partition_positions:
        if checkpoint is not None and checkpoint.blocked_at >= 0:
            batch_position = f"{topic}:{number}:{checkpoint.blocked_at}"
            yield (
                f"{topic} partition {number}: the batch at offset {checkpoint.blocked_at} cannot be read, and no record "
                f"after it is counted. To skip it: cxgauge skip {batch_position}"
            )


def _replaced(position: Position) -> Iterator[str]:
    """Yield a line if one of state and panes is empty although every flush writes both."""
    if position.checkpoint is None and position.state_end:
        yield "has state but no panes, so the topic of panes was deleted and created again"
    elif position.checkpoint is None:
        yield "never counted"
    elif position.state_end == 0 and position.checkpoint.outcomes.get("accepted"):
        yield "has panes but no state, so the topic of state was deleted and created again"
    elif not position.state_fits:
        yield "its checkpoint names another ID, so the topic of state was deleted and created again"


def _problems(position: Position, partitions: int, config_hash: str, now: int) -> Iterator[str]:
    checkpoint = position.checkpoint
    yield from _replaced(position)
    if checkpoint is None:
        return
    if checkpoint.version > checkpoint_format.VERSION:
        yield f"stored state has version {checkpoint.version}, newer than version {checkpoint_format.VERSION} of this program"
    if checkpoint.partitions != partitions:
        yield f"counted with {checkpoint.partitions} partitions, topics.partitions is {partitions}"
    if checkpoint.config_hash != config_hash:
        yield f"counted under settings {checkpoint.config_hash}, this configuration has {config_hash}"
    if checkpoint.next_offset > position.end:
        yield "ends before the offset of its checkpoint, so the topic was deleted and created again"
    if now - checkpoint.written_at > MAX_AGE:
        yield f"no worker, the last flush was {(now - checkpoint.written_at) // 1000} s ago"
    elif checkpoint.lag_ms >= MAX_AGE:
        since = f"for {checkpoint.lag_ms // 1000} s" if checkpoint.reached_end else "yet"
        yield f"lags, its worker has not reached the end {since}"
    if position.uncommitted and checkpoint.lag_ms >= MAX_AGE:
        yield "a publisher's transaction is open, and records after its start cannot be read"
    if checkpoint.written_at - now > SKEW:
        yield f"its worker's clock is {(checkpoint.written_at - now) // 1000} s or more ahead of this machine's"


async def positions(settings: Settings) -> dict[DomainName, list[Position]]:
    """Return the positions of all partitions by domain. Raises aiokafka's KafkaError."""
    topics, numbers = settings.topics, range(settings.topics.partitions)
    sources = {
        TopicPartition(topics.input(d), n): TopicPartition(topics.panes(d), n)
        for d in DOMAINS
        for n in numbers
    }
    states = {
        TopicPartition(topics.input(d), n): TopicPartition(topics.state(d), n)
        for d in DOMAINS
        for n in numbers
    }
    ids = await topic_ids(settings.kafka, {tp.topic for tp in states.values()})
    async with running(committed_consumer(settings.kafka)) as consumer:
        consumer.assign([*sources, *sources.values()])
        consumer.pause(*sources)
        checkpoints = await newest_checkpoints(consumer, list(sources.values()))
        committed = await consumer.end_offsets(list(sources))
    ends = await high_watermarks(settings.kafka, [*sources, *states.values()])
    return {
        domain: [
            Position(
                tp.partition,
                ends[tp],
                stored and stored.checkpoint,
                max(0, ends[tp] - committed[tp]),
                ends[states[tp]],
                stored is None or names_same_topic(stored.state_id, ids[states[tp].topic]),
            )
            for tp, panes in sources.items()
            for stored in [checkpoints.get(panes)]
            if tp.topic == topics.input(domain)
        ]
        for domain in DOMAINS
    }


class NamedCheckpoint(NamedTuple):
    """A checkpoint, and the ID of the state topic that its record names, empty if it names none."""

    checkpoint: Checkpoint
    state_id: bytes


async def newest_checkpoints(
    consumer: AIOKafkaConsumer, panes: Collection[TopicPartition]
) -> dict[TopicPartition, NamedCheckpoint]:
    """Return the newest checkpoint of each partition of panes that has one."""
    begin, end = await consumer.beginning_offsets(panes), await consumer.end_offsets(panes)
    checkpoints: dict[TopicPartition, NamedCheckpoint] = {}
    missing, tail = {tp for tp in panes if begin[tp] < end[tp]}, TAIL
    while missing:
        ranges = {tp: OffsetRange(max(begin[tp], end[tp] - tail), end[tp]) for tp in missing}
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                if record.key == checkpoint_format.KEY and record.value is not None:
                    checkpoint = checkpoint_format.decode(record.value)
                    checkpoints[tp] = NamedCheckpoint(checkpoint, state_topic_id(record.headers))
        missing = {tp for tp in missing - checkpoints.keys() if end[tp] - tail > begin[tp]}
        tail *= 16
    return checkpoints
