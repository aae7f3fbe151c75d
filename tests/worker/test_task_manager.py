"""Owned partitions: what follows on what, when something is due, what a failure leaves."""

from collections.abc import Collection
from typing import Any

import pytest
from faust.types import TP

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, order_key
from stream.worker.task_manager import HEARTBEAT, REFETCH_INTERVAL, STALL_TIMEOUT, OwnedTask, TaskManager
from tests.support import NOW, Event, FakeRecord, aggregation_config, records

HERE = TP("cx.feedback", 0)


class Memory:
    """A store that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.flushes: list[Flush] = []
        self.closed: list[PartitionTask] = []
        self.fails: Exception | None = None
        self.orders: dict[bytes, bytes] = {}

    async def load(self, partitions: Collection[PartitionTask]) -> None:
        """Nothing is kept from before."""

    async def flush(self, partition: PartitionTask, flush: Flush) -> None:
        if self.fails:
            raise self.fails
        self.flushes.append(flush)

    async def read_orders(self, partitions: Collection[PartitionTask]) -> None:
        for partition in partitions:
            for key, order in self.orders.items():
                partition.restore_order(key, order)

    async def close(self, partition: PartitionTask) -> None:
        self.closed.append(partition)

    async def stop(self) -> None:
        """Nothing is left."""


class Clock:
    """A clock that is moved by hand."""

    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
async def owning() -> tuple[TaskManager, Memory, Clock]:
    store, clock = Memory(), Clock()
    task_manager = TaskManager(store, clock)
    await task_manager.on_assignment({HERE: lambda: PartitionTask(Feedback(), 0, 1, aggregation_config())})
    return task_manager, store, clock


def some(n: int, first: int = 0) -> list[FakeRecord]:
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{first + i}", survey="nps", score=9), NOW, NOW)
        for i in range(n)
    ]
    return records(events, first)


def fold(task_manager: TaskManager, batch: list[FakeRecord], start: int | None = None) -> OwnedTask:
    owned_task = task_manager.tasks[HERE]
    follows = task_manager.mark_dispatched(HERE, batch[-1].offset)
    owned_task.process(follows if start is None else start, batch, NOW)  # type: ignore[arg-type]
    return owned_task


async def test_a_batch_after_a_gap_is_left_out(owning: Any) -> None:
    """What a seek overtook must not be folded over a hole."""
    task_manager, _, _ = owning
    fold(task_manager, some(2))
    owned_task = fold(task_manager, some(2, first=5), start=5)
    assert owned_task.task.next_offset == 2
    assert task_manager.seek_positions([HERE]) == {HERE: 2}
    assert owned_task.dispatched_offset == 2


async def test_nothing_due_nothing_written_but_a_heartbeat(owning: Any) -> None:
    """An idle partition writes a marker every five seconds."""
    task_manager, store, clock = owning
    task_manager.is_at_end = lambda _: True
    await task_manager.flush_due()
    await task_manager.flush_due()
    assert len(store.flushes) == 1
    clock.now += HEARTBEAT
    await task_manager.flush_due()
    assert [flush.checkpoint.lag_ms for flush in store.flushes] == [0, 0]


async def test_the_lag_is_the_time_since_the_end_was_last_seen(owning: Any) -> None:
    """Zero at the end; a batch that was handed out and not folded is not the end."""
    task_manager, store, clock = owning
    task_manager.is_at_end = lambda _: True
    await task_manager.flush_due()
    task_manager.mark_dispatched(HERE, 9)
    clock.now += 7_000
    await task_manager.flush_due()
    assert store.flushes[-1].checkpoint.lag_ms == 7_000


async def test_a_failed_flush_closes_the_partition(owning: Any) -> None:
    """Memory and store may differ: nothing of it is ever written again."""
    task_manager, store, _ = owning
    owned_task = fold(task_manager, some(1))
    store.fails = RuntimeError("gone")
    with pytest.raises(RuntimeError, match="gone"):
        await task_manager.flush(owned_task)
    store.fails = None
    await task_manager.flush_all()
    assert not store.flushes
    fold(task_manager, some(1, first=1))
    assert owned_task.task.next_offset == 1


async def test_an_exception_in_a_fold_closes_the_partition(owning: Any) -> None:
    """Faust's way down flushes: not half a batch."""
    task_manager, store, _ = owning
    owned_task = task_manager.tasks[HERE]
    with pytest.raises(AttributeError):
        owned_task.process(0, [*some(1), object()], NOW)
    await task_manager.flush_all()
    assert not store.flushes


async def test_a_partition_too_far_ahead_is_not_polled(owning: Any) -> None:
    """Back-pressure by records that are not flushed."""
    task_manager, _, _ = owning
    fold(task_manager, some(10))
    assert list(task_manager.fetchable([HERE], 10)) == [HERE]
    assert list(task_manager.fetchable([HERE], 9)) == []
    await task_manager.flush_all()
    assert list(task_manager.fetchable([HERE], 9)) == [HERE]
    assert list(task_manager.fetchable([TP("other", 0)], 9)) == []


async def test_records_that_are_never_folded_are_noticed(owning: Any) -> None:
    """A partition without progress is given up."""
    task_manager, _, clock = owning
    task_manager.mark_dispatched(HERE, 3)
    assert task_manager.stalled_partitions() == []
    clock.now += STALL_TIMEOUT + 1
    assert task_manager.stalled_partitions() == [HERE]


async def test_silence_before_the_first_record_is_no_stall(owning: Any) -> None:
    """The time counts from the hand-out: a quiet partition's first record has all of `STALLED` to be processed."""
    task_manager, _, clock = owning
    clock.now += 10 * STALL_TIMEOUT
    task_manager.mark_dispatched(HERE, 0)
    assert task_manager.stalled_partitions() == []
    clock.now += STALL_TIMEOUT
    assert task_manager.stalled_partitions() == []
    clock.now += 1
    assert task_manager.stalled_partitions() == [HERE]


async def test_silence_between_two_batches_is_no_stall(owning: Any) -> None:
    """Also when everything before was processed; but more records handed out do not excuse those that wait."""
    task_manager, _, clock = owning
    fold(task_manager, some(2))
    clock.now += 10 * STALL_TIMEOUT
    task_manager.mark_dispatched(HERE, 2)
    assert task_manager.stalled_partitions() == []
    clock.now += STALL_TIMEOUT
    task_manager.mark_dispatched(HERE, 3)
    clock.now += 1
    assert task_manager.stalled_partitions() == [HERE]


async def test_a_partition_that_advances_is_not_stalled(owning: Any) -> None:
    """Each batch processed starts the time anew for those that are still outstanding."""
    task_manager, _, clock = owning
    task_manager.mark_dispatched(HERE, 1)
    task_manager.mark_dispatched(HERE, 3)
    clock.now += STALL_TIMEOUT
    task_manager.tasks[HERE].process(0, some(2), clock.now)
    clock.now += STALL_TIMEOUT
    assert task_manager.stalled_partitions() == []
    clock.now += 1
    assert task_manager.stalled_partitions() == [HERE]


async def test_records_handed_out_again_after_a_seek_count_from_then(owning: Any) -> None:
    """A rebalance forgets what was outstanding."""
    task_manager, _, clock = owning
    task_manager.mark_dispatched(HERE, 1)
    clock.now += STALL_TIMEOUT
    task_manager.seek_positions([HERE])
    task_manager.mark_dispatched(HERE, 1)
    clock.now += STALL_TIMEOUT
    assert task_manager.stalled_partitions() == []


async def test_what_is_lost_is_closed_and_not_flushed(owning: Any) -> None:
    """The next owner reads it again."""
    task_manager, store, _ = owning
    owned_task = fold(task_manager, some(1))
    await task_manager.on_assignment({})
    assert store.closed == [owned_task.task]
    await task_manager.flush(owned_task)
    assert not store.flushes


BAD = UnreadableBatch(2, 5, "the CRC does not match")


async def test_an_unreadable_batch_blocks_its_partition_only(
    owning: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not polled but to try again; its lag grows; the flush and the log say where, the log once."""
    task_manager, store, clock = owning
    task_manager.is_at_end = lambda _: True
    fold(task_manager, some(2))
    await task_manager.flush_due()
    task_manager.block(HERE, BAD)
    clock.now += HEARTBEAT
    await task_manager.flush_due()
    checkpoint = store.flushes[-1].checkpoint
    assert (checkpoint.next_offset, checkpoint.blocked_at, checkpoint.lag_ms) == (2, 2, HEARTBEAT)
    assert task_manager.unblocked([HERE, TP("other", 0)]) == [TP("other", 0)]
    clock.now += REFETCH_INTERVAL
    assert task_manager.unblocked([HERE]) == [HERE]
    task_manager.block(HERE, BAD)
    assert task_manager.unblocked([HERE]) == []
    (said,) = caplog.messages
    assert "cx.feedback partition 0: the batch at offset 2 cannot be read: the CRC does not match" in said
    task_manager.unblock(HERE)
    await task_manager.flush_all()
    assert (task_manager.blocked(), store.flushes[-1].checkpoint.blocked_at) == ({}, -1)


async def test_an_order_is_carried_out_when_all_before_the_batch_is_folded(owning: Any) -> None:
    """Then reading goes on behind it, and the flush takes the order away."""
    task_manager, store, _ = owning
    batch = some(2)
    follows = task_manager.mark_dispatched(HERE, batch[-1].offset)
    task_manager.block(HERE, BAD)
    store.orders[order_key(2)] = encode(SkipOrder(end=5, records=3))
    await task_manager.read_orders()
    assert task_manager.skip_ordered([HERE]) == {}
    task_manager.tasks[HERE].process(follows, batch, NOW)
    assert task_manager.skip_ordered([HERE]) == {HERE: 5}
    assert task_manager.skip_ordered([HERE]) == {}
    owned_task = fold(task_manager, some(2, first=5))
    await task_manager.flush_all()
    assert owned_task.task.next_offset == 7
    flush = store.flushes[-1]
    assert (flush.checkpoint.skipped, flush.checkpoint.blocked_at, flush.checkpoint.outcomes) == (
        3,
        -1,
        {"accepted": 4},
    )
    assert dict(flush.state)[order_key(2)] is None


async def test_after_a_seek_the_batch_is_met_again(owning: Any) -> None:
    """What was handed out and not folded is read again first, so nothing may be blocked behind it."""
    task_manager, _, _ = owning
    task_manager.mark_dispatched(HERE, 1)
    task_manager.block(HERE, BAD)
    assert task_manager.seek_positions([HERE]) == {HERE: 0}
    assert task_manager.blocked() == {}
