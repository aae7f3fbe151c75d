"""A consumer of the panes: it reads every partition from its beginning and follows it."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.exporter.coverage import PartitionId
from stream.exporter.state import PaneBatch
from stream.kafka.client import client_options, stop_within
from stream.kafka.records import check_records, described, unreadable_end
from stream.kafka.topics import TOMBSTONE_RETENTION

REREAD_AFTER = TOMBSTONE_RETENTION // 2
"""Ms without a record after which a partition is read again from its beginning, in case tombstones were deleted."""
SUSPENDED_AFTER = 5_000
"""Ms between two reads that mean that the process was suspended. The next records may be as old as that."""
SETTLE_TIME = 2_000
"""Ms after a suspension during which no batch counts as read to the end."""
STOP_TIMEOUT = 5.0
"""Seconds that closing the consumer may take."""


class PaneReader:
    """A read-committed consumer of all panes without a group. After a restart it continues at its last position."""

    def __init__(self, settings: Settings) -> None:
        self._partition_ids = {
            TopicPartition(settings.topics.panes(domain), n): PartitionId(domain, n)
            for domain in DOMAINS
            for n in range(settings.topics.partitions)
        }
        self._options = client_options(settings.kafka)
        self._next: dict[TopicPartition, int] = {}
        self._last_record_at: dict[TopicPartition, int] = {}
        self._restarted: set[TopicPartition] = set()
        self._last_read: int | None = None
        self._settled_at = 0
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect and seek each partition to its last position, or its beginning. Raises KafkaError without a broker."""
        check_records()
        self._consumer = consumer = AIOKafkaConsumer(
            **self._options,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=256 << 10,
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        tps = list(self._partition_ids)
        consumer.assign(tps)
        begin = await consumer.beginning_offsets(tps)
        for tp in tps:  # not seek_to_beginning: a reset in flight could throw it to the end
            consumer.seek(tp, self._next.get(tp, begin[tp]))

    async def read(self, timeout_ms: int, monotonic_ms: int) -> list[PaneBatch]:
        """Return the records that arrive within `timeout_ms`. `monotonic_ms` is the present by a monotonic clock."""
        consumer = self._consumer
        assert consumer is not None  # noqa: S101  (for the type checker)
        if self._last_read is not None and monotonic_ms - self._last_read > SUSPENDED_AFTER:
            self._settled_at = monotonic_ms + SETTLE_TIME
        self._last_read = monotonic_ms
        batches = []
        for tp, records in (await consumer.getmany(timeout_ms=timeout_ms, max_records=2_000)).items():
            if monotonic_ms - self._last_record_at.get(tp, monotonic_ms) > REREAD_AFTER:
                self._last_record_at[tp] = monotonic_ms
                self._next.pop(tp)
                self._restarted.add(tp)
                consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
                continue
            if (unreadable := unreadable_end(records)) is not None:
                consumer.pause(tp)  # the next read would begin with the same unreadable batch
                batches.append(
                    PaneBatch(
                        self._partition_ids[tp], records[:-1], at_end=False, error=described(tp, unreadable)
                    )
                )
                continue
            end = consumer.last_stable_offset(tp)
            at_end = (
                end is not None and monotonic_ms >= self._settled_at and await consumer.position(tp) >= end
            )
            from_beginning = tp in self._restarted or records[0].offset < self._next.get(tp, 0)
            self._restarted.discard(tp)
            batches.append(PaneBatch(self._partition_ids[tp], records, at_end, from_beginning))
            self._last_record_at[tp], self._next[tp] = monotonic_ms, records[-1].offset + 1
        return batches

    def forget(self, topics: Collection[str]) -> list[PartitionId]:
        """Read topics from their beginning after the next start, because they were created again. Return their partitions."""
        tps = [tp for tp in self._partition_ids if tp.topic in topics]
        for tp in tps:
            self._next.pop(tp, None)
            self._restarted.add(tp)
        return [self._partition_ids[tp] for tp in tps]

    async def stop(self) -> None:
        """Close the consumer. A broker that does not answer delays it by at most STOP_TIMEOUT."""
        if self._consumer is not None:
            await stop_within(self._consumer, STOP_TIMEOUT)
