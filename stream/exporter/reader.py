"""Reading every partition of the panes, from the beginning and on."""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.exporter.coverage import PartitionId
from stream.exporter.state import PaneBatch
from stream.kafka.client import client_options
from stream.kafka.records import check_records, described, unreadable_end
from stream.kafka.topics import TOMBSTONE_RETENTION

REREAD_AFTER = TOMBSTONE_RETENTION // 2
"""Ms after which a partition that nothing came from is read again: deletions may have been missed."""
SUSPENDED_AFTER = 5_000
"""Ms between two reads after which we must have been stopped: what comes next may be as old as that."""
SETTLE_TIME = 2_000
"""Ms for which nothing that comes then counts as the newest there is."""
STOP_TIMEOUT = 5.0
"""Seconds that the broker has for a good-bye."""


class PaneReader:
    """A consumer of all panes, read committed, without a group. It goes on where it was when it is started again."""

    def __init__(self, settings: Settings) -> None:
        self._partition_ids = {
            TopicPartition(settings.topics.panes(domain), n): PartitionId(domain, n)
            for domain in DOMAINS
            for n in range(settings.topics.partitions)
        }
        self._options = client_options(settings.kafka)
        self._next: dict[TopicPartition, int] = {}
        self._last_heard: dict[TopicPartition, int] = {}
        self._restarted: set[TopicPartition] = set()
        self._last_read: int | None = None
        self._settled_at = 0
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Go to the beginning of every partition. Raises aiokafka's KafkaError when no broker answers."""
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

    async def read(self, timeout_ms: int, wall_ms: int) -> list[PaneBatch]:
        """What has come; `wall` is the present in ms."""
        consumer = self._consumer
        assert consumer is not None  # noqa: S101  (for the type checker)
        if self._last_read is not None and wall_ms - self._last_read > SUSPENDED_AFTER:
            self._settled_at = wall_ms + SETTLE_TIME
        self._last_read = wall_ms
        batches = []
        for tp, records in (await consumer.getmany(timeout_ms=timeout_ms, max_records=2_000)).items():
            if wall_ms - self._last_heard.get(tp, wall_ms) > REREAD_AFTER:
                self._last_heard[tp] = wall_ms
                self._next.pop(tp)
                self._restarted.add(tp)
                consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
                continue
            if (unreadable := unreadable_end(records)) is not None:
                consumer.pause(tp)  # nothing behind it can be used: a later read would begin with it again
                batches.append(
                    PaneBatch(
                        self._partition_ids[tp], records[:-1], at_end=False, fault=described(tp, unreadable)
                    )
                )
                continue
            end = consumer.last_stable_offset(tp)
            live = end is not None and wall_ms >= self._settled_at and await consumer.position(tp) >= end
            afresh = tp in self._restarted or records[0].offset < self._next.get(tp, 0)
            self._restarted.discard(tp)
            batches.append(PaneBatch(self._partition_ids[tp], records, live, afresh))
            self._last_heard[tp], self._next[tp] = wall_ms, records[-1].offset + 1
        return batches

    async def stop(self) -> None:
        """Let go."""
        if self._consumer is not None:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT):
                    await self._consumer.stop()
