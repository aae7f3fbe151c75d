"""The partitions that this worker owns, and the schedule of their flushes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, Protocol

from aiokafka import TopicPartition
from faust.types import TP

from stream.clock import monotonic_ms
from stream.core.aggregation.outgoing import Record
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.unreadable import UnreadableBatch
from stream.kafka.records import described
from stream.worker import restore

log = logging.getLogger(__name__)

HEARTBEAT = 5_000
"""Interval in ms at which an idle partition writes a checkpoint."""
FIRST_FETCH = 1_000
"""Time in ms after an assignment before the first heartbeat. By then the end of the source is known, so that the lag does not
depend on the clocks of two workers."""
STALL_TIMEOUT = 60_000
"""Time in ms without a processed record, while dispatched records wait, after which the worker ends."""
REFETCH_INTERVAL = 10_000
"""Interval in ms at which an unreadable batch is fetched again, because another replica may have it
undamaged."""


class CheckpointStore(Protocol):
    """A store of the state of partitions. After any exception memory and store may differ."""

    async def load(self, partitions: Collection[PartitionTask]) -> None:
        """Fence the former owners of the partitions and restore the stored state."""

    async def flush(self, partition: PartitionTask, flush: Flush) -> None:
        """Write a flush atomically."""

    async def rebuild(
        self, partition: PartitionTask, slices: Iterable[RebuiltSlice], prepare: Callable[[], Flush]
    ) -> None:
        """Write the slices of a rebuild, then the flush that `prepare` returns, atomically."""

    async def read_orders(self, partitions: Collection[PartitionTask]) -> None:
        """Pass skip orders that were written since the partitions were loaded to them."""

    async def close(self, partition: PartitionTask) -> None:
        """Release the resources of a partition."""

    async def stop(self) -> None:
        """Release the remaining resources, after every partition was closed."""


class OwnedTask:
    """A partition that this worker owns, with the state of its dispatch and flushes.

    Times are in ms of a monotonic clock, `wall_ms` is in ms since the epoch.
    """

    def __init__(self, tp: TP, core: PartitionTask, *, wall_ms: int, now: int) -> None:
        self.tp = tp
        self.task = core
        self.dispatched_offset = core.next_offset
        """Offset after the last record that was dispatched to the agent."""
        self.flushed_offset = core.next_offset
        self.last_flush = now - HEARTBEAT + FIRST_FETCH
        self.last_at_end = _last_at_end(core.checkpoint, wall_ms, now)
        """Time at which the position was last at the end of the source, None if it never was."""
        self.assigned_at = now
        self.lag = now - (now if self.last_at_end is None else self.last_at_end)
        """Time since the position was last at the end, or since the assignment if it never was."""
        self.waiting_since = now
        """Time of the dispatch of the oldest waiting records or of the last processed batch, the later one."""
        self.closed = False
        self.flushing = asyncio.Lock()
        self.unreadable: UnreadableBatch | None = None
        """The batch that blocks the partition, None if there is none. Records after it are not read."""
        self.last_fetch = 0
        """Time of the last fetch of the unreadable batch."""
        self.logged_offset = -1
        """Offset of the last unreadable batch that the log names."""

    def stored_lag(self, wall_ms: int) -> int:
        """Return the lag of a checkpoint that is written at `wall_ms`. It reaches back to 1970 if there was no end yet."""
        return wall_ms if self.last_at_end is None else self.lag

    def process(self, start: int, records: Iterable[Record], wall_ms: int, clock: int) -> None:
        """Process a batch. Ignore one that leaves a gap, because a seek has overtaken it."""
        if self.closed or start > self.task.next_offset:
            return
        try:
            self.task.process(records, wall_ms)
        except BaseException:
            self.closed = True  # half a batch is in memory, which Faust's shutdown must not flush
            raise
        self.waiting_since = clock

    def mark_dispatched(self, last: int, clock: int) -> int:
        """Record that records up to offset `last` go to the agent. Return the offset that they follow on."""
        # without waiting records the time before this dispatch is no stall
        if self.dispatched_offset <= self.task.next_offset:
            self.waiting_since = clock
        start, self.dispatched_offset = self.dispatched_offset, max(self.dispatched_offset, last + 1)
        return start

    def flush_due(self, clock: int, *, at_end: bool) -> bool:
        """Return whether a flush is due. `at_end`: the consumer's position is at the end of the partition."""
        at_end = at_end and self.task.next_offset >= self.dispatched_offset and self.unreadable is None
        reached = at_end and (self.last_at_end is None or self.lag > 0)
        if at_end:
            self.last_at_end = clock
        self.lag = clock - (self.assigned_at if self.last_at_end is None else self.last_at_end)
        return reached or self.task.next_offset != self.flushed_offset or clock - self.last_flush >= HEARTBEAT

    def skip_ordered(self) -> int:
        """Skip the unreadable batch if an order exists and all records before it are processed.

        Return the number of skipped records, -1 if the batch was not skipped.
        """
        batch, before = self.unreadable, self.task.checkpoint.skipped
        if (
            batch is None
            or self.closed
            or self.task.next_offset < self.dispatched_offset
            or not self.task.skip(batch.offset)
        ):
            return -1
        self.dispatched_offset, self.unreadable = self.task.next_offset, None
        return self.task.checkpoint.skipped - before

    def is_stalled(self, clock: int) -> bool:
        """Return whether dispatched records have waited longer than `STALL_TIMEOUT` with none processed."""
        return self.dispatched_offset > self.task.next_offset and clock - self.waiting_since > STALL_TIMEOUT


def _last_at_end(checkpoint: Checkpoint, wall_ms: int, now: int) -> int | None:
    """Return the monotonic time of the last end of the source by a stored checkpoint, None if there was none.

    A wall clock that is behind the checkpoint's cannot make it younger than it says.
    """
    if not checkpoint.reached_end:
        return None
    return now - max(0, wall_ms - checkpoint.written_at) - checkpoint.lag_ms


class TaskManager:
    """The partitions that this worker owns, by topic and partition.

    `wall_clock` returns ms since the epoch, `clock` ms of a monotonic clock for all intervals.
    """

    def __init__(
        self, store: CheckpointStore, wall_clock: Callable[[], int], clock: Callable[[], int] = monotonic_ms
    ) -> None:
        self.store = store
        self.wall_clock = wall_clock
        self.clock = clock
        self.tasks: dict[TP, OwnedTask] = {}
        self.is_at_end: Callable[[TP], bool] = lambda _tp: False
        """Returns whether the consumer's position is at the end of a partition."""
        self.is_full: Callable[[PartitionTask], bool] = lambda _task: False
        """Returns whether a partition waits for the disk and must not be read."""

    async def on_assignment(self, assigned: dict[TP, Callable[[], PartitionTask]]) -> None:
        """Close the lost partitions and load the new ones.

        `assigned` has a factory of the task of each partition.
        """
        lost = [self.tasks.pop(tp) for tp in list(self.tasks) if tp not in assigned]
        await asyncio.gather(*(self._close(owned_task) for owned_task in lost))
        new = {tp: make_task() for tp, make_task in assigned.items() if tp not in self.tasks}
        if not new:
            return
        await self.store.load(new.values())
        for tp, core in new.items():
            if core.needs_rebuild:
                await self._rebuild(tp, core)
            else:
                restore.finish(core)
            self.tasks[tp] = self._owned_task(tp, core)
        log.info("%d partitions assigned, %d revoked", len(new), len(lost))

    def _owned_task(self, tp: TP, core: PartitionTask) -> OwnedTask:
        return OwnedTask(tp, core, wall_ms=self.wall_clock(), now=self.clock())

    async def _rebuild(self, tp: TP, core: PartitionTask) -> None:
        """Rebuild the panes of a partition and write them, before it is read."""

        def first_flush() -> Flush:
            wall_ms = self.wall_clock()
            return core.prepare_flush(wall_ms, self._owned_task(tp, core).stored_lag(wall_ms))

        # formatted here, because the log shows messages of one template only once in ten seconds
        text = (
            f"{tp.topic} partition {tp.partition}: the panes are rebuilt, because settings or version changed"
        )
        log.info(text)
        await self.store.rebuild(core, restore.rebuild(core), first_flush)

    async def _close(self, owned_task: OwnedTask) -> None:
        async with owned_task.flushing:
            owned_task.closed = True
            await self.store.close(owned_task.task)

    async def close_all(self) -> None:
        """Close all partitions without a flush. The next owner reads unflushed records again."""
        await asyncio.gather(*(self._close(owned_task) for owned_task in self.tasks.values()))
        await self.store.stop()

    async def flush_all(self) -> None:
        """Flush every partition."""
        await asyncio.gather(*(self.flush(owned_task) for owned_task in list(self.tasks.values())))

    async def flush_due(
        self, measured: Callable[[Coroutine[Any, Any, None]], Awaitable[None]] = lambda flush: flush
    ) -> None:
        """Flush changed partitions, and write a checkpoint of those that were idle for `HEARTBEAT`.

        `measured` awaits a flush.
        """
        clock = self.clock()
        due = [
            owned_task
            for tp, owned_task in list(self.tasks.items())
            if owned_task.flush_due(clock, at_end=self.is_at_end(tp)) and not owned_task.flushing.locked()
        ]
        await asyncio.gather(*(measured(self.flush(owned)) for owned in due))

    async def flush(self, owned_task: OwnedTask) -> None:
        """Flush a partition.

        The flush is collected in one step, and records are processed while it is written.
        """
        async with owned_task.flushing:
            if owned_task.closed:
                return
            clock, wall_ms = self.clock(), self.wall_clock()
            upto = owned_task.task.next_offset
            owned_task.task.checkpoint.blocked_at = (
                -1 if owned_task.unreadable is None else owned_task.unreadable.offset
            )
            try:
                flush = owned_task.task.prepare_flush(wall_ms, owned_task.stored_lag(wall_ms))
                await self.store.flush(owned_task.task, flush)
            except BaseException:
                owned_task.closed = True
                raise
            owned_task.flushed_offset, owned_task.last_flush = upto, clock

    def seek_positions(self, assigned: Iterable[TP]) -> dict[TP, int]:
        """Return the offsets to read from, for those of the assigned partitions that are owned.

        Forget dispatched records.
        """
        offsets = {}
        for tp in assigned:
            if (owned_task := self.tasks.get(tp)) is not None:
                owned_task.dispatched_offset, owned_task.unreadable = owned_task.task.next_offset, None
                offsets[tp] = owned_task.task.next_offset
        return offsets

    def block(self, tp: TP, batch: UnreadableBatch) -> None:
        """Stop reading a partition whose next batch is unreadable. Log each batch once."""
        if (owned_task := self.tasks.get(tp)) is None:
            return
        owned_task.unreadable, owned_task.last_fetch = batch, self.clock()
        if owned_task.logged_offset != batch.offset:
            owned_task.logged_offset = batch.offset
            # formatted here, because the log shows messages of one template only once in ten seconds
            text = (
                f"{described(TopicPartition(*tp), batch)}. Counting of the partition has stopped. "
                f"To skip the batch: cxgauge skip {tp.topic}:{tp.partition}:{batch.offset}"
            )
            log.error(text)

    def blocked(self) -> dict[TP, UnreadableBatch]:
        """Return the unreadable batches by partition."""
        tasks = list(self.tasks.items())
        return {tp: owned.unreadable for tp, owned in tasks if owned.unreadable is not None}

    def unblock(self, tp: TP) -> None:
        """Record that a partition can be read, because records of it were fetched."""
        if (owned_task := self.tasks.get(tp)) is not None:
            owned_task.unreadable = None

    def unblocked(self, active: Iterable[TP]) -> list[TP]:
        """Return partitions without an unreadable batch, and those whose batch is due to be fetched again."""
        due = self.clock() - REFETCH_INTERVAL
        blocked = {tp for tp in self.blocked() if self.tasks[tp].last_fetch > due}
        return [tp for tp in active if tp not in blocked]

    async def read_orders(self) -> None:
        """Read skip orders for the blocked partitions."""
        await self.store.read_orders([self.tasks[tp].task for tp in self.blocked()])

    def skip_ordered(self, active: Iterable[TP]) -> dict[TP, int]:
        """Skip unreadable batches that have an order. Return the offsets to read from."""
        offsets = {}
        for tp in active:
            if (owned_task := self.tasks.get(tp)) is not None and (skipped := owned_task.skip_ordered()) >= 0:
                offsets[tp] = owned_task.task.next_offset
                text = f"{tp.topic} partition {tp.partition}: skipped {skipped} records of an unreadable batch by order"
                log.warning(text)
        return offsets

    def fetchable(self, active: Iterable[TP], ahead: int) -> Iterator[TP]:
        """Yield the owned partitions with at most `ahead` dispatched records that are not flushed, unless the disk is full."""
        for tp in active:
            owned_task = self.tasks.get(tp)
            if (
                owned_task is not None
                and owned_task.dispatched_offset - max(owned_task.flushed_offset, 0) <= ahead
                and not self.is_full(owned_task.task)
            ):
                yield tp

    def mark_dispatched(self, tp: TP, last: int) -> int | None:
        """Record that records up to offset `last` go to the agent.

        Return the offset that they follow on, None if the partition is not owned.
        """
        owned_task = self.tasks.get(tp)
        return None if owned_task is None else owned_task.mark_dispatched(last, self.clock())

    def stalled_partitions(self) -> list[TP]:
        """Return the partitions whose dispatched records are not processed in time."""
        clock = self.clock()
        return [tp for tp, owned_task in self.tasks.items() if owned_task.is_stalled(clock)]
