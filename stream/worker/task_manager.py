"""The partitions that this worker owns: their state in memory and the rhythm in which it is flushed."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from aiokafka import TopicPartition
from faust.types import TP

from stream.core.aggregation.outgoing import Record
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.unreadable import UnreadableBatch
from stream.kafka.records import described

log = logging.getLogger(__name__)

HEARTBEAT = 5_000
"""An idle partition writes a marker that often, in ms."""
STALL_TIMEOUT = 60_000
"""The worker ends when records that a partition was handed wait this long, in ms, for the agent to process any."""
REFETCH_INTERVAL = 10_000
"""An unreadable batch is fetched again that often, in ms: another replica may have it whole."""


class CheckpointStore(Protocol):
    """Where the state of partitions is kept. Anything it raises means: memory and store may differ."""

    async def load(self, partitions: Collection[PartitionTask]) -> None:
        """Take the partitions over from whoever had them and restore what was kept."""

    async def flush(self, partition: PartitionTask, flush: Flush) -> None:
        """Write all of it or nothing."""

    async def read_orders(self, partitions: Collection[PartitionTask]) -> None:
        """Hand skip orders that were given since these partitions were loaded to them."""

    async def close(self, partition: PartitionTask) -> None:
        """Let the partition go."""

    async def stop(self) -> None:
        """Let go of what is left, after every partition was closed."""


class OwnedTask:
    """One partition of ours."""

    def __init__(self, tp: TP, core: PartitionTask, *, now: int, changed: bool) -> None:
        self.tp = tp
        self.task = core
        self.dispatched_offset = core.next_offset
        """Offset after the last record that was handed to the agent."""
        self.flushed_offset = -1 if changed else core.next_offset
        self.last_flush = 0
        self.last_at_end = core.checkpoint.written_at - core.checkpoint.lag_ms
        """When the position was last at the end of the source, in ms."""
        self.lag = now - self.last_at_end
        self.waiting_since = now
        """When the oldest outstanding records were handed out, or the last batch was processed if that is later, in ms."""
        self.closed = False
        self.flushing = asyncio.Lock()
        self.unreadable: UnreadableBatch | None = None
        """The batch that blocks the partition, None if there is none. Nothing behind it is read."""
        self.last_fetch = 0
        """When the unreadable batch was last fetched, in ms."""
        self.logged_offset = -1
        """Offset of the last unreadable batch that the log names."""

    def process(self, start: int, records: Iterable[Record], clock: int) -> None:
        """Enter a batch. One that does not follow on what is known was overtaken by a seek and is left out."""
        if self.closed or start > self.task.next_offset:
            return
        try:
            self.task.process(records, clock)
        except BaseException:
            self.closed = True  # half a batch is in memory: Faust's way down must not flush it
            raise
        self.waiting_since = clock

    def mark_dispatched(self, last: int, clock: int) -> int:
        """Note that records up to `last` go to the agent. Return the offset that they follow on."""
        if (
            self.dispatched_offset <= self.task.next_offset
        ):  # none outstanding: the silence before them is no stall
            self.waiting_since = clock
        start, self.dispatched_offset = self.dispatched_offset, max(self.dispatched_offset, last + 1)
        return start

    def flush_due(self, clock: int, *, at_end: bool) -> bool:
        """Whether there is something to write; `at_end` is what the consumer says of its position."""
        at_end = at_end and self.task.next_offset >= self.dispatched_offset and self.unreadable is None
        reached = at_end and self.lag > 0
        if at_end:
            self.last_at_end = clock
        self.lag = clock - self.last_at_end
        return reached or self.task.next_offset != self.flushed_offset or clock - self.last_flush >= HEARTBEAT

    def skip_ordered(self) -> int:
        """Pass over the unreadable batch if that was ordered and all before it is folded; the number of its records.

        -1 if nothing was done.
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
        """Return whether records were handed out longer than `STALLED` ago and none was processed since."""
        return self.dispatched_offset > self.task.next_offset and clock - self.waiting_since > STALL_TIMEOUT


class TaskManager:
    """All partitions of ours, by topic and partition."""

    def __init__(self, store: CheckpointStore, clock: Callable[[], int]) -> None:
        self.store = store
        self.clock = clock
        self.tasks: dict[TP, OwnedTask] = {}
        self.is_at_end: Callable[[TP], bool] = lambda _tp: False
        """What the consumer says of its position."""

    async def on_assignment(self, now: dict[TP, Callable[[], PartitionTask]]) -> None:
        """Own these from here on: close what is lost, load what is new."""
        lost = [self.tasks.pop(tp) for tp in list(self.tasks) if tp not in now]
        await asyncio.gather(*(self._close(owned_task) for owned_task in lost))
        new = {tp: make() for tp, make in now.items() if tp not in self.tasks}
        if not new:
            return
        await self.store.load(new.values())
        for tp, core in new.items():
            changed = core.finish_restore()
            self.tasks[tp] = OwnedTask(tp, core, now=self.clock(), changed=changed)
        log.info("%d partitions taken over, %d let go", len(new), len(lost))

    async def _close(self, owned_task: OwnedTask) -> None:
        async with owned_task.flushing:
            owned_task.closed = True
            await self.store.close(owned_task.task)

    async def close_all(self) -> None:
        """Let everything go; what was not flushed is read again by the next owner."""
        await asyncio.gather(*(self._close(owned_task) for owned_task in self.tasks.values()))
        await self.store.stop()

    async def flush_all(self) -> None:
        """Write what is there, now."""
        await asyncio.gather(*(self.flush(owned_task) for owned_task in list(self.tasks.values())))

    async def flush_due(self) -> None:
        """Write what has changed, and a marker for what has been silent for a while."""
        clock = self.clock()
        due = [
            owned_task
            for tp, owned_task in list(self.tasks.items())
            if owned_task.flush_due(clock, at_end=self.is_at_end(tp)) and not owned_task.flushing.locked()
        ]
        await asyncio.gather(*(self.flush(owned) for owned in due))

    async def flush(self, owned_task: OwnedTask) -> None:
        """Write one partition: what it takes is put together in one step, folding goes on while it is written."""
        async with owned_task.flushing:
            if owned_task.closed:
                return
            clock = self.clock()
            upto = owned_task.task.next_offset
            owned_task.task.checkpoint.blocked_at = (
                -1 if owned_task.unreadable is None else owned_task.unreadable.offset
            )
            try:
                await self.store.flush(owned_task.task, owned_task.task.prepare_flush(clock, owned_task.lag))
            except BaseException:
                owned_task.closed = True
                raise
            owned_task.flushed_offset, owned_task.last_flush = upto, clock

    def seek_positions(self, assigned: Iterable[TP]) -> dict[TP, int]:
        """Where to read on, for what is ours of what is assigned; what was handed out is forgotten."""
        offsets = {}
        for tp in assigned:
            if (owned_task := self.tasks.get(tp)) is not None:
                owned_task.dispatched_offset, owned_task.unreadable = owned_task.task.next_offset, None
                offsets[tp] = owned_task.task.next_offset
        return offsets

    def block(self, tp: TP, batch: UnreadableBatch) -> None:
        """Read nothing more of a partition: its next batch cannot be read. The log says so once."""
        if (owned_task := self.tasks.get(tp)) is None:
            return
        owned_task.unreadable, owned_task.last_fetch = batch, self.clock()
        if owned_task.logged_offset != batch.offset:
            owned_task.logged_offset = batch.offset
            # a text of its own for each partition: of one template the log shows only the first in ten seconds
            text = (
                f"{described(TopicPartition(*tp), batch)}. The partition is not counted further; "
                f"cxgauge skip {tp.topic}:{tp.partition}:{batch.offset} passes over the batch"
            )
            log.error(text)

    def blocked(self) -> dict[TP, UnreadableBatch]:
        """Return the unreadable batches by partition."""
        owned_task = list(self.tasks.items())
        return {tp: owned.unreadable for tp, owned in owned_task if owned.unreadable is not None}

    def unblock(self, tp: TP) -> None:
        """Note that records came from a partition: if a batch blocked it, it can be read now."""
        if (owned_task := self.tasks.get(tp)) is not None:
            owned_task.unreadable = None

    def unblocked(self, active: Iterable[TP]) -> list[TP]:
        """Return those of the partitions that no unreadable batch blocks, or whose batch is to be tried again."""
        due = self.clock() - REFETCH_INTERVAL
        blocked = {tp for tp in self.blocked() if self.tasks[tp].last_fetch > due}
        return [tp for tp in active if tp not in blocked]

    async def read_orders(self) -> None:
        """Learn which unreadable batches are to be skipped."""
        await self.store.read_orders([self.tasks[tp].task for tp in self.blocked()])

    def skip_ordered(self, active: Iterable[TP]) -> dict[TP, int]:
        """Pass over unreadable batches whose order is there. Returns where to read on."""
        moved = {}
        for tp in active:
            if (owned_task := self.tasks.get(tp)) is not None and (skipped := owned_task.skip_ordered()) >= 0:
                moved[tp] = owned_task.task.next_offset
                text = f"{tp.topic} partition {tp.partition}: skipped {skipped} records, as ordered"
                log.warning(text)
        return moved

    def fetchable(self, active: Iterable[TP], ahead: int) -> Iterator[TP]:
        """Partitions that are not more than `ahead` records ahead of their last flush."""
        for tp in active:
            owned_task = self.tasks.get(tp)
            if (
                owned_task is not None
                and owned_task.dispatched_offset - max(owned_task.flushed_offset, 0) <= ahead
            ):
                yield tp

    def mark_dispatched(self, tp: TP, last: int) -> int | None:
        """Note that records up to `last` go to the agent. Return the offset that they follow on, None if not ours."""
        owned_task = self.tasks.get(tp)
        return None if owned_task is None else owned_task.mark_dispatched(last, self.clock())

    def stalled_partitions(self) -> list[TP]:
        """Partitions that do not advance though they were handed records."""
        clock = self.clock()
        return [tp for tp, owned_task in self.tasks.items() if owned_task.is_stalled(clock)]
