"""Owned partitions: what follows on what, when something is due, what a failure leaves."""

from collections.abc import Collection
from typing import Any

import pytest
from faust.types import TP

from schemas.feedback import FeedbackSubmitted
from stream.core.feedback import Feedback
from stream.core.partition import Flush, Partition
from stream.core.unreadable import SkipOrder, UnreadableBatch, encode, order_key
from stream.worker.owned import AGAIN, HEARTBEAT, STALLED, Owned, Ownership
from tests.support import NOW, Event, Rec, records, rules

HERE = TP("cx.feedback", 0)


class Memory:
    """A store that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.flushes: list[Flush] = []
        self.closed: list[Partition] = []
        self.fails: Exception | None = None
        self.orders: dict[bytes, bytes] = {}

    async def load(self, partitions: Collection[Partition]) -> None:
        """Nothing is kept from before."""

    async def flush(self, partition: Partition, flush: Flush) -> None:
        if self.fails:
            raise self.fails
        self.flushes.append(flush)

    async def read_orders(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            for key, order in self.orders.items():
                partition.restore_order(key, order)

    async def close(self, partition: Partition) -> None:
        self.closed.append(partition)

    async def stop(self) -> None:
        """Nothing is left."""


class Clock:
    """A clock that is moved by hand."""

    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
async def owning() -> tuple[Ownership, Memory, Clock]:
    store, clock = Memory(), Clock()
    ownership = Ownership(store, clock)
    await ownership.change({HERE: lambda: Partition(Feedback(), 0, 1, rules())})
    return ownership, store, clock


def some(n: int, first: int = 0) -> list[Rec]:
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{first + i}", survey="nps", score=9), NOW, NOW)
        for i in range(n)
    ]
    return records(events, first)


def fold(ownership: Ownership, batch: list[Rec], start: int | None = None) -> Owned:
    owned = ownership.partitions[HERE]
    follows = ownership.hand_out(HERE, batch[-1].offset)
    owned.fold(follows if start is None else start, batch, NOW)  # type: ignore[arg-type]
    return owned


async def test_a_batch_after_a_gap_is_left_out(owning: Any) -> None:
    """What a seek overtook must not be folded over a hole."""
    ownership, _, _ = owning
    fold(ownership, some(2))
    owned = fold(ownership, some(2, first=5), start=5)
    assert owned.core.next == 2
    assert ownership.positions([HERE]) == {HERE: 2}
    assert owned.handed == 2


async def test_nothing_due_nothing_written_but_a_heartbeat(owning: Any) -> None:
    """An idle partition writes a marker every five seconds."""
    ownership, store, clock = owning
    ownership.seen_end = lambda _: True
    await ownership.flush_due()
    await ownership.flush_due()
    assert len(store.flushes) == 1
    clock.now += HEARTBEAT
    await ownership.flush_due()
    assert [flush.marker.lag for flush in store.flushes] == [0, 0]


async def test_the_lag_is_the_time_since_the_end_was_last_seen(owning: Any) -> None:
    """Zero at the end; a batch that was handed out and not folded is not the end."""
    ownership, store, clock = owning
    ownership.seen_end = lambda _: True
    await ownership.flush_due()
    ownership.hand_out(HERE, 9)
    clock.now += 7_000
    await ownership.flush_due()
    assert store.flushes[-1].marker.lag == 7_000


async def test_a_failed_flush_closes_the_partition(owning: Any) -> None:
    """Memory and store may differ: nothing of it is ever written again."""
    ownership, store, _ = owning
    owned = fold(ownership, some(1))
    store.fails = RuntimeError("gone")
    with pytest.raises(RuntimeError, match="gone"):
        await ownership.flush(owned)
    store.fails = None
    await ownership.flush_all()
    assert not store.flushes
    fold(ownership, some(1, first=1))
    assert owned.core.next == 1


async def test_an_exception_in_a_fold_closes_the_partition(owning: Any) -> None:
    """Faust's way down flushes: not half a batch."""
    ownership, store, _ = owning
    owned = ownership.partitions[HERE]
    with pytest.raises(AttributeError):
        owned.fold(0, [*some(1), object()], NOW)
    await ownership.flush_all()
    assert not store.flushes


async def test_a_partition_too_far_ahead_is_not_polled(owning: Any) -> None:
    """Back-pressure by records that are not flushed."""
    ownership, _, _ = owning
    fold(ownership, some(10))
    assert list(ownership.hungry([HERE], 10)) == [HERE]
    assert list(ownership.hungry([HERE], 9)) == []
    await ownership.flush_all()
    assert list(ownership.hungry([HERE], 9)) == [HERE]
    assert list(ownership.hungry([TP("other", 0)], 9)) == []


async def test_records_that_are_never_folded_are_noticed(owning: Any) -> None:
    """A partition without progress is given up."""
    ownership, _, clock = owning
    ownership.hand_out(HERE, 3)
    assert ownership.stalled() == []
    clock.now += STALLED + 1
    assert ownership.stalled() == [HERE]


async def test_silence_before_the_first_record_is_no_stall(owning: Any) -> None:
    """The time counts from the hand-out: a quiet partition's first record has all of `STALLED` to be processed."""
    ownership, _, clock = owning
    clock.now += 10 * STALLED
    ownership.hand_out(HERE, 0)
    assert ownership.stalled() == []
    clock.now += STALLED
    assert ownership.stalled() == []
    clock.now += 1
    assert ownership.stalled() == [HERE]


async def test_silence_between_two_batches_is_no_stall(owning: Any) -> None:
    """Also when everything before was processed; but more records handed out do not excuse those that wait."""
    ownership, _, clock = owning
    fold(ownership, some(2))
    clock.now += 10 * STALLED
    ownership.hand_out(HERE, 2)
    assert ownership.stalled() == []
    clock.now += STALLED
    ownership.hand_out(HERE, 3)
    clock.now += 1
    assert ownership.stalled() == [HERE]


async def test_a_partition_that_advances_is_not_stalled(owning: Any) -> None:
    """Each batch processed starts the time anew for those that are still outstanding."""
    ownership, _, clock = owning
    ownership.hand_out(HERE, 1)
    ownership.hand_out(HERE, 3)
    clock.now += STALLED
    ownership.partitions[HERE].fold(0, some(2), clock.now)
    clock.now += STALLED
    assert ownership.stalled() == []
    clock.now += 1
    assert ownership.stalled() == [HERE]


async def test_records_handed_out_again_after_a_seek_count_from_then(owning: Any) -> None:
    """A rebalance forgets what was outstanding."""
    ownership, _, clock = owning
    ownership.hand_out(HERE, 1)
    clock.now += STALLED
    ownership.positions([HERE])
    ownership.hand_out(HERE, 1)
    clock.now += STALLED
    assert ownership.stalled() == []


async def test_what_is_lost_is_closed_and_not_flushed(owning: Any) -> None:
    """The next owner reads it again."""
    ownership, store, _ = owning
    owned = fold(ownership, some(1))
    await ownership.change({})
    assert store.closed == [owned.core]
    await ownership.flush(owned)
    assert not store.flushes


BAD = UnreadableBatch(2, 5, "the CRC does not match")


async def test_an_unreadable_batch_blocks_its_partition_only(
    owning: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not polled but to try again; its lag grows; the flush and the log say where, the log once."""
    ownership, store, clock = owning
    ownership.seen_end = lambda _: True
    fold(ownership, some(2))
    await ownership.flush_due()
    ownership.block(HERE, BAD)
    clock.now += HEARTBEAT
    await ownership.flush_due()
    marker = store.flushes[-1].marker
    assert (marker.next, marker.blocked_at, marker.lag) == (2, 2, HEARTBEAT)
    assert ownership.unblocked([HERE, TP("other", 0)]) == [TP("other", 0)]
    clock.now += AGAIN
    assert ownership.unblocked([HERE]) == [HERE]
    ownership.block(HERE, BAD)
    assert ownership.unblocked([HERE]) == []
    (said,) = caplog.messages
    assert "cx.feedback partition 0: the batch at offset 2 cannot be read: the CRC does not match" in said
    ownership.unblock(HERE)
    await ownership.flush_all()
    assert (ownership.blocked(), store.flushes[-1].marker.blocked_at) == ({}, -1)


async def test_an_order_is_carried_out_when_all_before_the_batch_is_folded(owning: Any) -> None:
    """Then reading goes on behind it, and the flush takes the order away."""
    ownership, store, _ = owning
    batch = some(2)
    follows = ownership.hand_out(HERE, batch[-1].offset)
    ownership.block(HERE, BAD)
    store.orders[order_key(2)] = encode(SkipOrder(end=5, records=3))
    await ownership.read_orders()
    assert ownership.skip_ordered([HERE]) == {}
    ownership.partitions[HERE].fold(follows, batch, NOW)
    assert ownership.skip_ordered([HERE]) == {HERE: 5}
    assert ownership.skip_ordered([HERE]) == {}
    owned = fold(ownership, some(2, first=5))
    await ownership.flush_all()
    assert owned.core.next == 7
    flush = store.flushes[-1]
    assert (flush.marker.skipped, flush.marker.blocked_at, flush.marker.outcomes) == (3, -1, {"accepted": 4})
    assert dict(flush.state)[order_key(2)] is None


async def test_after_a_seek_the_batch_is_met_again(owning: Any) -> None:
    """What was handed out and not folded is read again first, so nothing may be blocked behind it."""
    ownership, _, _ = owning
    ownership.hand_out(HERE, 1)
    ownership.block(HERE, BAD)
    assert ownership.positions([HERE]) == {HERE: 0}
    assert ownership.blocked() == {}
