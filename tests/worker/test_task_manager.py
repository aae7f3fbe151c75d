"""Owned partitions: the order of batches, due flushes, and failures."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytest
from faust.types import TP

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, order_key
from stream.worker.task_manager import (
    FIRST_FETCH,
    HEARTBEAT,
    REFETCH_INTERVAL,
    STALL_TIMEOUT,
    OwnedTask,
    TaskManager,
)
from tests.support import DAY, HOUR, MINUTE, NOW, Event, FakeRecord, aggregation_config, records

PARTITION = TP("cx.feedback", 0)


class MemoryStore:
    """A checkpoint store in memory that can fail."""

    def __init__(self) -> None:
        self.flushes: list[Flush] = []
        self.rebuilt: list[RebuiltSlice] = []
        self.closed: list[PartitionTask] = []
        self.fails: Exception | None = None
        self.orders: dict[bytes, bytes] = {}

    async def load(self, partitions: Collection[PartitionTask]) -> None:
        """There is no stored state."""

    async def flush(self, partition: PartitionTask, flush: Flush) -> None:
        if self.fails:
            raise self.fails
        self.flushes.append(flush)

    async def rebuild(
        self, partition: PartitionTask, slices: Iterable[RebuiltSlice], prepare: Callable[[], Flush]
    ) -> None:
        self.rebuilt += slices
        await self.flush(partition, prepare())

    async def read_orders(self, partitions: Collection[PartitionTask]) -> None:
        for partition in partitions:
            for key, order in self.orders.items():
                partition.restore_order(key, order)

    async def close(self, partition: PartitionTask) -> None:
        self.closed.append(partition)

    async def stop(self) -> None:
        """There is nothing to stop."""


class Clock:
    """A clock that is set by the test."""

    now = NOW
    step = 0
    """Ms by which each reading advances it."""

    def __call__(self) -> int:
        self.now += self.step
        return self.now


@pytest.fixture
async def owned() -> tuple[TaskManager, MemoryStore, Clock]:
    store, clock = MemoryStore(), Clock()
    task_manager = TaskManager(store, clock, clock)
    await task_manager.on_assignment(
        {PARTITION: lambda: PartitionTask(Feedback(), 0, 1, aggregation_config())}
    )
    return task_manager, store, clock


def answer_records(n: int, first: int = 0) -> list[FakeRecord]:
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{first + i}", survey="nps", score=9), NOW, NOW)
        for i in range(n)
    ]
    return records(events, first)


def dispatch_and_process(
    task_manager: TaskManager, batch: list[FakeRecord], start: int | None = None
) -> OwnedTask:
    owned_task = task_manager.tasks[PARTITION]
    follows = task_manager.mark_dispatched(PARTITION, batch[-1].offset)
    owned_task.process(follows if start is None else start, batch, NOW, NOW)  # type: ignore[arg-type]
    return owned_task


async def test_a_batch_after_a_gap_is_ignored(owned: Any) -> None:
    """A batch overtaken by a seek must not be processed after a gap."""
    task_manager, _, _ = owned
    dispatch_and_process(task_manager, answer_records(2))
    owned_task = dispatch_and_process(task_manager, answer_records(2, first=5), start=5)
    assert owned_task.task.next_offset == 2
    assert task_manager.seek_positions([PARTITION]) == {PARTITION: 2}
    assert owned_task.dispatched_offset == 2


async def test_an_idle_partition_writes_only_heartbeats(owned: Any) -> None:
    """An idle partition writes a checkpoint every five seconds."""
    task_manager, store, clock = owned
    task_manager.is_at_end = lambda _: True
    await task_manager.flush_due()
    await task_manager.flush_due()
    assert len(store.flushes) == 1
    clock.now += HEARTBEAT
    await task_manager.flush_due()
    assert [flush.checkpoint.lag_ms for flush in store.flushes] == [0, 0]


async def test_a_partition_that_never_reached_its_end_lags_since_its_assignment(owned: Any) -> None:
    """Its checkpoint says so, also when the clock goes on between lag and flush."""
    task_manager, store, clock = owned
    task_manager.is_at_end = lambda _: False
    owned_task = dispatch_and_process(task_manager, answer_records(2))
    clock.step = 3
    clock.now += 40_000
    await task_manager.flush_due()
    assert 40_000 <= owned_task.lag <= 40_010
    assert store.flushes[-1].checkpoint.lag_ms > clock.now - 100
    assert not store.flushes[-1].checkpoint.reached_end
    task_manager.is_at_end = lambda _: True
    clock.now += HEARTBEAT
    await task_manager.flush_due()
    assert owned_task.lag == 0
    assert store.flushes[-1].checkpoint.reached_end


def restored_checkpoint(written_at: int, lag_ms: int) -> PartitionTask:
    """Return a task with a stored checkpoint."""
    task = PartitionTask(Feedback(), 0, 1, aggregation_config())
    task.checkpoint.written_at, task.checkpoint.lag_ms = written_at, lag_ms
    return task


async def test_a_rebuild_is_written_before_the_partition_is_read() -> None:
    """Its checkpoint has the new settings, the lag of the former checkpoint and that of the time since."""
    store, clock = MemoryStore(), Clock()
    task_manager = TaskManager(store, clock, clock)

    def under_other_settings() -> PartitionTask:
        task = restored_checkpoint(NOW - 3_000, 1_000)
        task.checkpoint.next_offset, task.checkpoint.config_hash = 7, "other"
        return task

    await task_manager.on_assignment({PARTITION: under_other_settings})
    assert store.rebuilt
    (flush,) = store.flushes
    checkpoint = flush.checkpoint
    assert (checkpoint.next_offset, checkpoint.config_hash, checkpoint.lag_ms) == (7, "test", 4_000)
    assert not task_manager.tasks[PARTITION].task.needs_rebuild
    await task_manager.flush_due()
    assert len(store.flushes) == 1


@pytest.mark.parametrize("ahead", [40 * DAY, HOUR, -20 * MINUTE])
async def test_a_wrong_wall_clock_at_the_start_is_no_lag(ahead: int) -> None:
    """The first checkpoint waits for the first fetch, and says that the end is reached."""
    store, clock = MemoryStore(), Clock()
    task_manager = TaskManager(store, lambda: clock.now + ahead, clock)
    await task_manager.on_assignment({PARTITION: lambda: restored_checkpoint(NOW - 3_000, 0)})
    await task_manager.flush_due()
    assert not store.flushes
    task_manager.is_at_end = lambda _: True
    clock.now += FIRST_FETCH
    await task_manager.flush_due()
    assert [(f.checkpoint.lag_ms, f.checkpoint.written_at - clock.now) for f in store.flushes] == [(0, ahead)]


async def test_without_an_end_the_lag_goes_on_from_the_stored_one() -> None:
    """A clock behind the stored time cannot make it smaller. Jumps of the wall clock after the start do not count."""
    for behind, lag in ((0, 10_000), (20 * MINUTE, 7_000)):
        store, clock, wall = MemoryStore(), Clock(), Clock()
        wall.now = NOW - behind
        task_manager = TaskManager(store, wall, clock)
        await task_manager.on_assignment({PARTITION: lambda: restored_checkpoint(NOW - 3_000, 7_000)})
        wall.now += 40 * DAY
        clock.now += FIRST_FETCH
        await task_manager.flush_due()
        assert [flush.checkpoint.lag_ms for flush in store.flushes] == [lag + FIRST_FETCH]


async def test_jumps_of_the_wall_clock_do_not_move_heartbeats() -> None:
    """They come every five seconds of the monotonic clock."""
    store, clock, wall = MemoryStore(), Clock(), Clock()
    task_manager = TaskManager(store, wall, clock)
    await task_manager.on_assignment(
        {PARTITION: lambda: PartitionTask(Feedback(), 0, 1, aggregation_config())}
    )
    task_manager.is_at_end = lambda _: True
    await task_manager.flush_due()
    for jump in (40 * DAY, -40 * DAY, -20 * MINUTE):
        wall.now += jump
        await task_manager.flush_due()
        clock.now += HEARTBEAT
        await task_manager.flush_due()
    assert len(store.flushes) == 4


async def test_the_lag_is_the_time_since_the_end_was_last_reached(owned: Any) -> None:
    """The lag is 0 at the end. A dispatched batch that is not processed is not the end."""
    task_manager, store, clock = owned
    task_manager.is_at_end = lambda _: True
    await task_manager.flush_due()
    task_manager.mark_dispatched(PARTITION, 9)
    clock.now += 7_000
    await task_manager.flush_due()
    assert store.flushes[-1].checkpoint.lag_ms == 7_000


async def test_a_failed_flush_closes_the_partition(owned: Any) -> None:
    """Memory and store may differ, so nothing more is written."""
    task_manager, store, _ = owned
    owned_task = dispatch_and_process(task_manager, answer_records(1))
    store.fails = RuntimeError("gone")
    with pytest.raises(RuntimeError, match="gone"):
        await task_manager.flush(owned_task)
    store.fails = None
    await task_manager.flush_all()
    assert not store.flushes
    dispatch_and_process(task_manager, answer_records(1, first=1))
    assert owned_task.task.next_offset == 1


async def test_an_exception_in_processing_closes_the_partition(owned: Any) -> None:
    """Faust's shutdown flushes, which must not write half a batch."""
    task_manager, store, _ = owned
    owned_task = task_manager.tasks[PARTITION]
    with pytest.raises(AttributeError):
        owned_task.process(0, [*answer_records(1), object()], NOW, NOW)
    await task_manager.flush_all()
    assert not store.flushes


async def test_a_partition_too_far_ahead_is_not_polled(owned: Any) -> None:
    """Back-pressure limits the records that are not flushed."""
    task_manager, _, _ = owned
    dispatch_and_process(task_manager, answer_records(10))
    assert list(task_manager.fetchable([PARTITION], 10)) == [PARTITION]
    assert list(task_manager.fetchable([PARTITION], 9)) == []
    await task_manager.flush_all()
    assert list(task_manager.fetchable([PARTITION], 9)) == [PARTITION]
    assert list(task_manager.fetchable([TP("other", 0)], 9)) == []


async def test_records_that_are_never_processed_are_reported(owned: Any) -> None:
    """A partition without progress is reported."""
    task_manager, _, clock = owned
    task_manager.mark_dispatched(PARTITION, 3)
    assert task_manager.stalled_partitions() == []
    clock.now += STALL_TIMEOUT + 1
    assert task_manager.stalled_partitions() == [PARTITION]


async def test_silence_before_the_first_record_is_no_stall(owned: Any) -> None:
    """The time starts with the dispatch, so the first record of a quiet partition has all of `STALL_TIMEOUT`."""
    task_manager, _, clock = owned
    clock.now += 10 * STALL_TIMEOUT
    task_manager.mark_dispatched(PARTITION, 0)
    assert task_manager.stalled_partitions() == []
    clock.now += STALL_TIMEOUT
    assert task_manager.stalled_partitions() == []
    clock.now += 1
    assert task_manager.stalled_partitions() == [PARTITION]


async def test_silence_between_two_batches_is_no_stall(owned: Any) -> None:
    """Also when everything was processed before.

    More dispatched records do not extend the time of waiting ones.
    """
    task_manager, _, clock = owned
    dispatch_and_process(task_manager, answer_records(2))
    clock.now += 10 * STALL_TIMEOUT
    task_manager.mark_dispatched(PARTITION, 2)
    assert task_manager.stalled_partitions() == []
    clock.now += STALL_TIMEOUT
    task_manager.mark_dispatched(PARTITION, 3)
    clock.now += 1
    assert task_manager.stalled_partitions() == [PARTITION]


async def test_a_partition_that_advances_is_not_stalled(owned: Any) -> None:
    """Each processed batch restarts the time of those outstanding."""
    task_manager, _, clock = owned
    task_manager.mark_dispatched(PARTITION, 1)
    task_manager.mark_dispatched(PARTITION, 3)
    clock.now += STALL_TIMEOUT
    task_manager.tasks[PARTITION].process(0, answer_records(2), clock.now, clock.now)
    clock.now += STALL_TIMEOUT
    assert task_manager.stalled_partitions() == []
    clock.now += 1
    assert task_manager.stalled_partitions() == [PARTITION]


async def test_records_dispatched_again_after_a_seek_restart_the_time(owned: Any) -> None:
    """A rebalance resets outstanding records."""
    task_manager, _, clock = owned
    task_manager.mark_dispatched(PARTITION, 1)
    clock.now += STALL_TIMEOUT
    task_manager.seek_positions([PARTITION])
    task_manager.mark_dispatched(PARTITION, 1)
    clock.now += STALL_TIMEOUT
    assert task_manager.stalled_partitions() == []


async def test_a_revoked_partition_is_closed_and_not_flushed(owned: Any) -> None:
    """The next owner reads the records again."""
    task_manager, store, _ = owned
    owned_task = dispatch_and_process(task_manager, answer_records(1))
    await task_manager.on_assignment({})
    assert store.closed == [owned_task.task]
    await task_manager.flush(owned_task)
    assert not store.flushes


UNREADABLE_BATCH = UnreadableBatch(2, 5, "the CRC does not match")


async def test_an_unreadable_batch_blocks_its_partition_only(
    owned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is polled again after an interval, its lag grows, and flush and log name the offset, the log once."""
    task_manager, store, clock = owned
    task_manager.is_at_end = lambda _: True
    dispatch_and_process(task_manager, answer_records(2))
    await task_manager.flush_due()
    task_manager.block(PARTITION, UNREADABLE_BATCH)
    clock.now += HEARTBEAT
    await task_manager.flush_due()
    checkpoint = store.flushes[-1].checkpoint
    assert (checkpoint.next_offset, checkpoint.blocked_at, checkpoint.lag_ms) == (2, 2, HEARTBEAT)
    assert task_manager.unblocked([PARTITION, TP("other", 0)]) == [TP("other", 0)]
    clock.now += REFETCH_INTERVAL
    assert task_manager.unblocked([PARTITION]) == [PARTITION]
    task_manager.block(PARTITION, UNREADABLE_BATCH)
    assert task_manager.unblocked([PARTITION]) == []
    (message,) = caplog.messages
    assert "cx.feedback partition 0: the batch at offset 2 cannot be read: the CRC does not match" in message
    task_manager.unblock(PARTITION)
    await task_manager.flush_all()
    assert (task_manager.blocked(), store.flushes[-1].checkpoint.blocked_at) == ({}, -1)


async def test_an_order_is_executed_after_all_earlier_records(owned: Any) -> None:
    """Reading continues after the batch, and the flush deletes the order."""
    task_manager, store, _ = owned
    batch = answer_records(2)
    follows = task_manager.mark_dispatched(PARTITION, batch[-1].offset)
    task_manager.block(PARTITION, UNREADABLE_BATCH)
    store.orders[order_key(2)] = encode(SkipOrder(end=5, records=3))
    await task_manager.read_orders()
    assert task_manager.skip_ordered([PARTITION]) == {}
    task_manager.tasks[PARTITION].process(follows, batch, NOW, NOW)
    assert task_manager.skip_ordered([PARTITION]) == {PARTITION: 5}
    assert task_manager.skip_ordered([PARTITION]) == {}
    owned_task = dispatch_and_process(task_manager, answer_records(2, first=5))
    await task_manager.flush_all()
    assert owned_task.task.next_offset == 7
    flush = store.flushes[-1]
    assert (flush.checkpoint.skipped, flush.checkpoint.blocked_at, flush.checkpoint.outcomes) == (
        3,
        -1,
        {"accepted": 4},
    )
    assert dict(flush.state)[order_key(2)] is None


async def test_a_seek_unblocks_the_partition(owned: Any) -> None:
    """Dispatched records are read again first, so the partition must not be blocked."""
    task_manager, _, _ = owned
    task_manager.mark_dispatched(PARTITION, 1)
    task_manager.block(PARTITION, UNREADABLE_BATCH)
    assert task_manager.seek_positions([PARTITION]) == {PARTITION: 0}
    assert task_manager.blocked() == {}
