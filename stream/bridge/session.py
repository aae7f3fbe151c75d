"""Reading the source topic as a member of a consumer group, a transaction for each batch of a partition."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError

from stream.bridge.options import BridgeOptions
from stream.bridge.partition_writer import PartitionWriter
from stream.bridge.positions import committed_offsets, starting_offset
from stream.bridge.retention import Retentions, check_retention
from stream.bridge.translation import Counts, Source, Translator
from stream.clock import wall_ms
from stream.config import Settings
from stream.errors import CxgaugeError, PreconditionFailed
from stream.kafka.client import client_options
from stream.kafka.faults import is_fenced
from stream.kafka.reading import OffsetRange, offset_ranges
from stream.kafka.records import Consumer, described, unreadable_end

log = logging.getLogger(__name__)

MAX_RECORDS = 1_000
"""Records of all partitions that are translated in one go."""
SESSION_TIMEOUT_MS = 10_000
"""Time after which the group gives the partitions of a silent bridge to others."""
ASSIGNMENT_TIMEOUT = 30.0
"""Seconds that fencing the former owners and reading their offsets may take."""
STOP_TIMEOUT = 5.0
"""Seconds that leaving the group may take."""


def group_member(settings: Settings, options: BridgeOptions) -> Consumer:
    """Build the consumer of a session. The session starts it."""
    return Consumer(
        **client_options(settings.kafka),
        group_id=options.group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        max_partition_fetch_bytes=1 << 20,
    )


class BridgeSession(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One membership in the group. After an error it is discarded, because outcomes may be unknown."""

    def __init__(
        self,
        settings: Settings,
        options: BridgeOptions,
        translator: Translator,
        retentions: Retentions,
        consumer: Consumer,
    ) -> None:
        self.counts = Counts()
        self._settings, self._options = settings, options
        self._translator, self._retentions = translator, retentions
        self._writers: dict[TopicPartition, PartitionWriter] = {}
        self._is_assigned = False
        self._failure: BaseException | None = None
        self._writing = asyncio.Lock()
        self._consumer = consumer

    async def run(
        self, stopping: asyncio.Event, ranges: Mapping[TopicPartition, OffsetRange] | None = None
    ) -> None:
        """Read until `stopping`, or with `ranges` up to their ends. A transaction that has begun is finished.

        Raises:
            CxgaugeError: records that cannot be read or kept
            KafkaError, TimeoutError: of aiokafka. `is_fenced` tells whether another bridge has taken over
        """
        await self._consumer.start()
        self._consumer.subscribe([self._options.topic], listener=self)
        while not stopping.is_set() and not (ranges is not None and await self._is_complete(ranges)):
            await self._step()

    async def close(self) -> None:
        """Leave the group and close the connections."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._close_writers()
                await self._consumer.stop()
        except (KafkaError, TimeoutError) as error:
            log.warning("The group was not left: %r", error)

    def lag(self) -> int:
        """Return the number of offsets between the sent records and the ends of the assigned partitions."""
        ends = {tp: self._consumer.highwater(tp) or 0 for tp in self._writers}
        return sum(max(0, ends[tp] - writer.next_offset) for tp, writer in self._writers.items())

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - all are revoked in every rebalance
        """Abort open transactions, or wait for a commit that has begun, and close the producers."""
        self._is_assigned = False
        for writer in self._writers.values():
            writer.is_revoked = True
        async with self._writing:
            await self._close_writers()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Fence the former owners, then read the offsets that they committed.

        aiokafka logs exceptions of this method and continues, so they are raised by the next step.
        """
        try:
            writers = {tp: PartitionWriter(self._settings, self._options, tp) for tp in assigned}
            async with asyncio.timeout(ASSIGNMENT_TIMEOUT):
                await asyncio.gather(*(writer.open() for writer in writers.values()))
                committed = await committed_offsets(self._consumer, assigned)
                ranges = await offset_ranges(self._consumer, assigned) if assigned else {}
            for tp, span in ranges.items():
                writers[tp].next_offset = starting_offset(tp, committed.get(tp), span, self._options)
                self._consumer.seek(tp, writers[tp].next_offset)
        except Exception as error:  # noqa: BLE001 - see above
            self._failure = error
        else:
            self._writers, self._is_assigned = writers, True
            partitions = ", ".join(str(tp.partition) for tp in sorted(assigned)) or "none"
            log.info("Assigned partitions of %s: %s", self._options.topic, partitions)

    async def _close_writers(self) -> None:
        writers, self._writers = self._writers, {}
        await asyncio.gather(*(writer.close() for writer in writers.values()))

    async def _is_complete(self, ranges: Mapping[TopicPartition, OffsetRange]) -> bool:
        """Return whether all assigned partitions were read up to the ends of ranges."""
        if not self._is_assigned:
            return False
        ends = [(tp, ranges[tp].end) for tp in self._writers if tp in ranges]
        try:
            # by position, because transaction markers or compacted offsets may follow the last record
            return all([await self._consumer.position(tp) >= end for tp, end in ends])
        except IllegalStateError:
            return False  # revoked meanwhile

    async def _step(self) -> None:
        writers = dict(self._writers)
        try:
            fetched = await self._consumer.getmany_checked(timeout_ms=200, max_records=MAX_RECORDS)
        except NoOffsetForPartitionError:
            fetched = {}  # reported until the assignment, which is under way, has set the offset
        if self._failure is not None:
            raise self._failure
        async with self._writing:
            current = {
                tp: records
                for tp, records in fetched.items()
                if self._is_current(tp, records, writers.get(tp))
            }
            results = await asyncio.gather(
                *(self._bridge(writers[tp], records) for tp, records in current.items()),
                return_exceptions=True,
            )
        _raise_gravest([result for result in results if isinstance(result, BaseException)])

    def _is_current(
        self, tp: TopicPartition, records: list[Any], former_writer: PartitionWriter | None
    ) -> bool:
        """Return whether records follow the last committed ones. If they may not, fetch from there once more.

        `former_writer` is that of before the fetch. If it is another one, an assignment has set the offset during the
        fetch, before or after the records were taken.
        """
        writer = self._writers.get(tp)
        if writer is None:
            return False  # revoked, and an assignment sets the offset
        if writer is former_writer and records[0].offset >= writer.next_offset:
            return True
        self._consumer.seek(tp, writer.next_offset)
        return False

    async def _bridge(self, writer: PartitionWriter, records: list[Any]) -> None:
        """Send the results of fetched records of a partition."""
        unreadable = unreadable_end(records)
        readable = records if unreadable is None else records[:-1]
        if readable:
            tp = writer.partition
            source, now = Source(tp.topic, tp.partition), wall_ms()
            outgoing, counts = self._translator.translate_all(readable, source, now)
            check_retention(outgoing, self._retentions, now)
            if not await writer.write(outgoing, readable[-1].offset + 1):
                return
            self.counts.add(counts)
            if counts.dead_letters:
                log.warning(
                    "Records of %s could not be mapped, see cxgauge deadletter ls", self._options.topic
                )
        if unreadable is not None:
            raise PreconditionFailed(
                f"{described(writer.partition, unreadable)}. To go on after it, stop the bridges and set the offset of the group "
                f"{self._options.group} to {unreadable.end}"
            )


def _raise_gravest(errors: list[BaseException]) -> None:
    """Raise one of several errors: that another bridge has taken over, else a refusal, else any."""
    if errors:
        raise min(errors, key=lambda error: (not is_fenced(error), not isinstance(error, CxgaugeError)))
