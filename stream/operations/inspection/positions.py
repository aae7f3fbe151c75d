"""How far every source partition is counted: its end against the checkpoint of the last flush."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import DOMAINS, DomainName
from stream.config import Settings
from stream.core.model import checkpoint as checkpoint_format
from stream.core.model.checkpoint import MAX_AGE, Checkpoint
from stream.kafka.reading import OffsetRange, committed_consumer, read_ranges

SKEW = 1_000
"""A worker's clock may be ahead of this machine's by that much, in ms."""
TAIL = 64


class Position(NamedTuple):
    """A source partition: its number, its end, the checkpoint of its last flush (None: never counted)."""

    number: int
    end: int
    checkpoint: Checkpoint | None

    @property
    def behind(self) -> int:
        """Offsets that are not counted."""
        return self.end - (self.checkpoint.next_offset if self.checkpoint else 0)


def summary(checked: Collection[Position]) -> str:
    """How far each partition is behind, in offsets."""
    return f"behind by partition {' '.join(str(position.behind) for position in checked)}"


def problems(checked: Collection[Position], identity: str, now: int) -> list[str]:
    """A line for everything that makes partitions not covered. `now` in ms by this machine's clock."""
    numbers: dict[str, list[int]] = {}
    for position in checked:
        for text in _problems(position, len(checked), identity, now):
            numbers.setdefault(text, []).append(position.number)
    return [f"{text}: partition {', '.join(map(str, which))}" for text, which in numbers.items()]


def blocked(topic: str, checked: Iterable[Position]) -> Iterator[str]:
    """Yield a line for each unreadable batch at which counting stands still."""
    for number, _, checkpoint in checked:
        if checkpoint is not None and checkpoint.blocked_at >= 0:
            batch_position = f"{topic}:{number}:{checkpoint.blocked_at}"
            yield (
                f"{topic} partition {number}: the batch at offset {checkpoint.blocked_at} cannot be read, nothing behind "
                f"it is counted; cxgauge skip {batch_position} passes over it"
            )


def _problems(position: Position, partitions: int, identity: str, now: int) -> Iterator[str]:
    checkpoint = position.checkpoint
    if checkpoint is None:
        yield "never counted"
        return
    if checkpoint.version > checkpoint_format.VERSION:
        yield f"kept in version {checkpoint.version}, newer than {checkpoint_format.VERSION}, which is ours"
    if checkpoint.partitions != partitions:
        yield f"counted with {checkpoint.partitions} partitions, there are {partitions}"
    if checkpoint.config_hash != identity:
        yield f"counted under settings {checkpoint.config_hash}, those here are {identity}"
    if checkpoint.next_offset > position.end:
        yield "ends before the offset it was counted to: the topic was deleted and created again"
    if now - checkpoint.written_at > MAX_AGE:
        yield f"no worker, the last flush was {(now - checkpoint.written_at) // 1000} s ago"
    elif checkpoint.lag_ms >= MAX_AGE:
        yield f"lags, its worker has not been at the end for {checkpoint.lag_ms // 1000} s"
    if checkpoint.written_at - now > SKEW:
        yield f"its worker's clock is {(checkpoint.written_at - now) // 1000} s or more ahead of this machine's"


async def positions(settings: Settings) -> dict[DomainName, list[Position]]:
    """Every partition of every domain. Raises aiokafka's KafkaError."""
    topics, numbers = settings.topics, range(settings.topics.partitions)
    sources = {
        TopicPartition(topics.input(d), n): TopicPartition(topics.panes(d), n)
        for d in DOMAINS
        for n in numbers
    }
    consumer = committed_consumer(settings.kafka)
    await consumer.start()
    try:
        consumer.assign([*sources, *sources.values()])
        consumer.pause(*sources)
        checked = await newest_checkpoints(consumer, list(sources.values()))
        ends = await consumer.end_offsets(list(sources))
    finally:
        await consumer.stop()
    return {
        domain: [
            Position(tp.partition, ends[tp], checked.get(panes))
            for tp, panes in sources.items()
            if tp.topic == topics.input(domain)
        ]
        for domain in DOMAINS
    }


async def newest_checkpoints(
    consumer: AIOKafkaConsumer, panes: Collection[TopicPartition]
) -> dict[TopicPartition, Checkpoint]:
    """Return the last checkpoint of each partition that has one, read from near its end or further back."""
    begin, end = await consumer.beginning_offsets(panes), await consumer.end_offsets(panes)
    checked: dict[TopicPartition, Checkpoint] = {}
    left, tail = {tp for tp in panes if begin[tp] < end[tp]}, TAIL
    while left:
        ranges = {tp: OffsetRange(max(begin[tp], end[tp] - tail), end[tp]) for tp in left}
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                if record.key == checkpoint_format.KEY and record.value is not None:
                    checked[tp] = checkpoint_format.decode(record.value)
        left = {tp for tp in left - checked.keys() if end[tp] - tail > begin[tp]}
        tail *= 16
    return checked
