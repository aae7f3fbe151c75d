"""The partitions that this worker owns: their state in memory and the rhythm in which it is flushed."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from aiokafka import TopicPartition
from faust.types import TP

from stream.core.letters import Record
from stream.core.partition import Flush, Partition
from stream.core.unreadable import UnreadableBatch
from stream.records import described

log = logging.getLogger(__name__)

HEARTBEAT = 5_000
"""An idle partition writes a marker that often, in ms."""
STALLED = 60_000
"""The worker ends when records that a partition was handed wait this long, in ms, for the agent to process any."""
AGAIN = 10_000
"""An unreadable batch is fetched again that often, in ms: another replica may have it whole."""


class Store(Protocol):
    """Where the state of partitions is kept. Anything it raises means: memory and store may differ."""

    async def load(self, partitions: Collection[Partition]) -> None:
        """Take the partitions over from whoever had them and restore what was kept."""

    async def flush(self, partition: Partition, flush: Flush) -> None:
        """Write all of it or nothing."""

    async def read_orders(self, partitions: Collection[Partition]) -> None:
        """Hand skip orders that were given since these partitions were loaded to them."""

    async def close(self, partition: Partition) -> None:
        """Let the partition go."""

    async def stop(self) -> None:
        """Let go of what is left, after every partition was closed."""


class Owned:
    """One partition of ours."""

    def __init__(self, tp: TP, core: Partition, *, now: int, changed: bool) -> None:
        self.tp = tp
        self.core = core
        self.handed = core.next
        """Offset after the last record that was handed to the agent."""
        self.flushed = -1 if changed else core.next
        self.written = 0
        self.at_end = core.at.written - core.at.lag
        """When the position was last at the end of the source, in ms."""
        self.lag = now - self.at_end
        self.waiting_since = now
        """When the oldest outstanding records were handed out, or the last batch was processed if that is later, in ms."""
        self.closed = False
        self.flushing = asyncio.Lock()
        self.unreadable: UnreadableBatch | None = None
        """The batch that blocks the partition, None if there is none. Nothing behind it is read."""
        self.tried = 0
        """When the unreadable batch was last fetched, in ms."""
        self.reported = -1
        """Offset of the last unreadable batch that the log names."""

    def fold(self, start: int, records: Iterable[Record], clock: int) -> None:
        """Enter a batch. One that does not follow on what is known was overtaken by a seek and is left out."""
        if self.closed or start > self.core.next:
            return
        try:
            self.core.fold(records, clock)
        except BaseException:
            self.closed = True  # half a batch is in memory: Faust's way down must not flush it
            raise
        self.waiting_since = clock

    def hand_out(self, last: int, clock: int) -> int:
        """Note that records up to `last` go to the agent. Return the offset that they follow on."""
        if self.handed <= self.core.next:  # none outstanding: the silence before them is no stall
            self.waiting_since = clock
        start, self.handed = self.handed, max(self.handed, last + 1)
        return start

    def due(self, clock: int, *, at_end: bool) -> bool:
        """Whether there is something to write; `at_end` is what the consumer says of its position."""
        at_end = at_end and self.core.next >= self.handed and self.unreadable is None
        reached = at_end and self.lag > 0
        if at_end:
            self.at_end = clock
        self.lag = clock - self.at_end
        return reached or self.core.next != self.flushed or clock - self.written >= HEARTBEAT

    def skip_ordered(self) -> int:
        """Pass over the unreadable batch if that was ordered and all before it is folded; the number of its records.

        -1 if nothing was done.
        """
        batch, before = self.unreadable, self.core.at.skipped
        if batch is None or self.closed or self.core.next < self.handed or not self.core.skip(batch.offset):
            return -1
        self.handed, self.unreadable = self.core.next, None
        return self.core.at.skipped - before

    def stalled(self, clock: int) -> bool:
        """Return whether records were handed out longer than `STALLED` ago and none was processed since."""
        return self.handed > self.core.next and clock - self.waiting_since > STALLED


class Ownership:
    """All partitions of ours, by topic and partition."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self.store = store
        self.clock = clock
        self.partitions: dict[TP, Owned] = {}
        self.seen_end: Callable[[TP], bool] = lambda _tp: False
        """What the consumer says of its position."""

    async def change(self, now: dict[TP, Callable[[], Partition]]) -> None:
        """Own these from here on: close what is lost, load what is new."""
        lost = [self.partitions.pop(tp) for tp in list(self.partitions) if tp not in now]
        await asyncio.gather(*(self._close(owned) for owned in lost))
        new = {tp: make() for tp, make in now.items() if tp not in self.partitions}
        if not new:
            return
        await self.store.load(new.values())
        for tp, core in new.items():
            changed = core.ready()
            self.partitions[tp] = Owned(tp, core, now=self.clock(), changed=changed)
        log.info("%d partitions taken over, %d let go", len(new), len(lost))

    async def _close(self, owned: Owned) -> None:
        async with owned.flushing:
            owned.closed = True
            await self.store.close(owned.core)

    async def close_all(self) -> None:
        """Let everything go; what was not flushed is read again by the next owner."""
        await asyncio.gather(*(self._close(owned) for owned in self.partitions.values()))
        await self.store.stop()

    async def flush_all(self) -> None:
        """Write what is there, now."""
        await asyncio.gather(*(self.flush(owned) for owned in list(self.partitions.values())))

    async def flush_due(self) -> None:
        """Write what has changed, and a marker for what has been silent for a while."""
        clock = self.clock()
        due = [
            owned
            for tp, owned in list(self.partitions.items())
            if owned.due(clock, at_end=self.seen_end(tp)) and not owned.flushing.locked()
        ]
        await asyncio.gather(*(self.flush(owned) for owned in due))

    async def flush(self, owned: Owned) -> None:
        """Write one partition: what it takes is put together in one step, folding goes on while it is written."""
        async with owned.flushing:
            if owned.closed:
                return
            clock = self.clock()
            upto = owned.core.next
            owned.core.at.blocked_at = -1 if owned.unreadable is None else owned.unreadable.offset
            try:
                await self.store.flush(owned.core, owned.core.take(clock, owned.lag))
            except BaseException:
                owned.closed = True
                raise
            owned.flushed, owned.written = upto, clock

    def positions(self, assigned: Iterable[TP]) -> dict[TP, int]:
        """Where to read on, for what is ours of what is assigned; what was handed out is forgotten."""
        found = {}
        for tp in assigned:
            if (owned := self.partitions.get(tp)) is not None:
                owned.handed, owned.unreadable = owned.core.next, None
                found[tp] = owned.core.next
        return found

    def block(self, tp: TP, batch: UnreadableBatch) -> None:
        """Read nothing more of a partition: its next batch cannot be read. The log says so once."""
        if (owned := self.partitions.get(tp)) is None:
            return
        owned.unreadable, owned.tried = batch, self.clock()
        if owned.reported != batch.offset:
            owned.reported = batch.offset
            # a text of its own for each partition: of one template the log shows only the first in ten seconds
            text = (
                f"{described(TopicPartition(*tp), batch)}. The partition is not counted further; "
                f"cxgauge skip {tp.topic}:{tp.partition}:{batch.offset} passes over the batch"
            )
            log.error(text)

    def blocked(self) -> dict[TP, UnreadableBatch]:
        """Return the unreadable batches by partition."""
        owned = list(self.partitions.items())
        return {tp: one.unreadable for tp, one in owned if one.unreadable is not None}

    def unblock(self, tp: TP) -> None:
        """Note that records came from a partition: if a batch blocked it, it can be read now."""
        if (owned := self.partitions.get(tp)) is not None:
            owned.unreadable = None

    def unblocked(self, active: Iterable[TP]) -> list[TP]:
        """Return those of the partitions that no unreadable batch blocks, or whose batch is to be tried again."""
        due = self.clock() - AGAIN
        blocked = {tp for tp in self.blocked() if self.partitions[tp].tried > due}
        return [tp for tp in active if tp not in blocked]

    async def read_orders(self) -> None:
        """Learn which unreadable batches are to be skipped."""
        await self.store.read_orders([self.partitions[tp].core for tp in self.blocked()])

    def skip_ordered(self, active: Iterable[TP]) -> dict[TP, int]:
        """Pass over unreadable batches whose order is there. Returns where to read on."""
        moved = {}
        for tp in active:
            if (owned := self.partitions.get(tp)) is not None and (skipped := owned.skip_ordered()) >= 0:
                moved[tp] = owned.core.next
                text = f"{tp.topic} partition {tp.partition}: skipped {skipped} records, as ordered"
                log.warning(text)
        return moved

    def hungry(self, active: Iterable[TP], ahead: int) -> Iterator[TP]:
        """Partitions that are not more than `ahead` records ahead of their last flush."""
        for tp in active:
            owned = self.partitions.get(tp)
            if owned is not None and owned.handed - max(owned.flushed, 0) <= ahead:
                yield tp

    def hand_out(self, tp: TP, last: int) -> int | None:
        """Note that records up to `last` go to the agent. Return the offset that they follow on, None if not ours."""
        owned = self.partitions.get(tp)
        return None if owned is None else owned.hand_out(last, self.clock())

    def stalled(self) -> list[TP]:
        """Partitions that do not advance though they were handed records."""
        clock = self.clock()
        return [tp for tp, owned in self.partitions.items() if owned.stalled(clock)]
