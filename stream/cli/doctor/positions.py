"""How far every source partition is counted: its end against the marker of the last flush."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.config import DOMAINS, Domain, Settings, client_options
from stream.core import marker as markers
from stream.core.marker import Marker
from stream.records import Consumer

FRESH = 30_000
"""What has not been counted or reported for longer, in ms, is not covered."""
SKEW = 1_000
"""A worker's clock may be ahead of this machine's by that much, in ms."""
TAIL = 64


class Position(NamedTuple):
    """A source partition: its number, its end, the marker of its last flush (None: never counted)."""

    number: int
    end: int
    marker: Marker | None

    @property
    def behind(self) -> int:
        """Offsets that are not counted."""
        return self.end - (self.marker.next if self.marker else 0)


def summary(found: Collection[Position]) -> str:
    """How far each partition is behind, in offsets."""
    return f"behind by partition {' '.join(str(position.behind) for position in found)}"


def faults(found: Collection[Position], identity: str, now: int) -> list[str]:
    """A line for everything that makes partitions not covered. `now` in ms by this machine's clock."""
    numbers: dict[str, list[int]] = {}
    for position in found:
        for text in _faults(position, len(found), identity, now):
            numbers.setdefault(text, []).append(position.number)
    return [f"{text}: partition {', '.join(map(str, which))}" for text, which in numbers.items()]


def blocked(topic: str, found: Iterable[Position]) -> Iterator[str]:
    """Yield a line for each unreadable batch at which counting stands still."""
    for number, _, marker in found:
        if marker is not None and marker.blocked_at >= 0:
            place = f"{topic}:{number}:{marker.blocked_at}"
            yield (
                f"{topic} partition {number}: the batch at offset {marker.blocked_at} cannot be read, nothing behind "
                f"it is counted; cxgauge skip {place} passes over it"
            )


def _faults(position: Position, partitions: int, identity: str, now: int) -> Iterator[str]:
    marker = position.marker
    if marker is None:
        yield "never counted"
        return
    if marker.version > markers.VERSION:
        yield f"kept in version {marker.version}, newer than {markers.VERSION}, which is ours"
    if marker.partitions != partitions:
        yield f"counted with {marker.partitions} partitions, there are {partitions}"
    if marker.identity != identity:
        yield f"counted under settings {marker.identity}, those here are {identity}"
    if marker.next > position.end:
        yield "ends before what was counted of it: made anew"
    if now - marker.written > FRESH:
        yield f"no worker, the last flush was {(now - marker.written) // 1000} s ago"
    elif marker.lag >= FRESH:
        yield f"lags, its worker has not been at the end for {marker.lag // 1000} s"
    if marker.written - now > SKEW:
        yield f"its worker's clock is {(marker.written - now) // 1000} s or more ahead of this machine's"


async def positions(settings: Settings) -> dict[Domain, list[Position]]:
    """Every partition of every domain. Raises aiokafka's KafkaError."""
    topics, numbers = settings.topics, range(settings.topics.partitions)
    sources = {
        TopicPartition(topics.input(d), n): TopicPartition(topics.panes(d), n)
        for d in DOMAINS
        for n in numbers
    }
    consumer = Consumer(
        **client_options(settings.kafka), isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([*sources, *sources.values()])
        consumer.pause(*sources)
        found = await newest_markers(consumer, list(sources.values()))
        ends = await consumer.end_offsets(list(sources))
    finally:
        await consumer.stop()
    return {
        domain: [
            Position(tp.partition, ends[tp], found.get(panes))
            for tp, panes in sources.items()
            if tp.topic == topics.input(domain)
        ]
        for domain in DOMAINS
    }


async def newest_markers(
    consumer: AIOKafkaConsumer, panes: Collection[TopicPartition]
) -> dict[TopicPartition, Marker]:
    """The last marker of each partition that has one: read from near the end, further back where it is not there."""
    begin, end = await consumer.beginning_offsets(panes), await consumer.end_offsets(panes)
    found: dict[TopicPartition, Marker] = {}
    left, tail = {tp for tp in panes if begin[tp] < end[tp]}, TAIL
    while left:
        for tp in left:
            consumer.seek(tp, max(begin[tp], end[tp] - tail))
        found |= await _read(consumer, left, end)
        left = {tp for tp in left - found.keys() if end[tp] - tail > begin[tp]}
        tail *= 16
    return found


async def _read(
    consumer: AIOKafkaConsumer, tps: Collection[TopicPartition], end: dict[TopicPartition, int]
) -> dict[TopicPartition, Marker]:
    found: dict[TopicPartition, Marker] = {}
    left = set(tps)
    while left:
        for tp, records in (await consumer.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.key == markers.KEY and record.value is not None:
                    found[tp] = markers.decode(record.value)
        left = {tp for tp in left if await consumer.position(tp) < end[tp]}
    return found
