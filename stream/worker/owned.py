"""The partitions that this worker owns: their state in memory and the rhythm in which it is flushed."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from faust.types import TP

from stream.core.letters import Record
from stream.core.partition import Flush, Partition

log = logging.getLogger(__name__)

HEARTBEAT = 5_000
"""An idle partition writes a marker that often, in ms."""
STALLED = 60_000
"""The worker ends when records that a partition was handed wait this long, in ms, for the agent to process any."""


class Store(Protocol):
    """Where the state of partitions is kept. Anything it raises means: memory and store may differ."""

    async def load(self, partitions: Collection[Partition]) -> None:
        """Take the partitions over from whoever had them and restore what was kept."""

    async def flush(self, partition: Partition, flush: Flush) -> None:
        """Write all of it or nothing."""

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
        at_end = at_end and self.core.next >= self.handed
        reached = at_end and self.lag > 0
        if at_end:
            self.at_end = clock
        self.lag = clock - self.at_end
        return reached or self.core.next != self.flushed or clock - self.written >= HEARTBEAT

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
                owned.handed = owned.core.next
                found[tp] = owned.core.next
        return found

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
