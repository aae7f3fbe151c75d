"""Skip orders: carried out once, whatever crashes, and kept out of the entities."""

from random import Random

import pytest

from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as markers
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, end_of, order_key
from tests.core.aggregation.feedback.strategies import typed
from tests.support import NOW, FakeRecord, aggregation_config

PLAN = 60
"""Histories that are tried, each seeded."""


class World:
    """A log of batches, some unreadable; state, panes and a worker that may crash between any two steps."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.batches: list[tuple[int, int, bool]] = []
        base = 0
        for _ in range(random.randrange(2, 8)):
            n = random.randrange(1, 5)
            self.batches.append((base, n, random.random() < 0.5))
            base += n
        self.end = base
        self.state: dict[bytes, bytes] = {}
        self.panes: dict[bytes, bytes] = {}
        self.partition = self.restored()

    def restored(self) -> PartitionTask:
        partition = PartitionTask(Feedback(), 0, 1, aggregation_config())
        for into, kept in ((partition.restore_state, self.state), (partition.restore_panes, self.panes)):
            for key, value in kept.items():
                into(key, value)
        partition.finish_restore()
        return partition

    def step(self) -> None:
        """Read a batch, give an order, carry it out, flush or crash."""
        match self.random.randrange(5):
            case 0:
                self.partition = self.restored()
            case 1:
                self.flush()
            case _:
                self.read()

    def read(self) -> None:
        at = self.partition.next_offset
        if at >= self.end:
            return
        base, n, good = next(batch for batch in self.batches if batch[0] + batch[1] > at)
        if good:
            upto = self.random.randrange(max(at, base), base + n) + 1  # a flush may come in the middle
            self.partition.process([record(offset) for offset in range(base, upto)], NOW)
            return
        if not self.partition.skip(base) and self.random.random() < 0.5:
            batch = UnreadableBatch(base, base + n, "damaged")
            order = encode(SkipOrder(end=batch.end, records=batch.records(self.partition.next_offset)))
            self.state[order_key(base)] = order
            self.partition.restore_order(order_key(base), order)

    def flush(self) -> None:
        flush = self.partition.prepare_flush(NOW, 0)
        for kept, rows in ((self.state, flush.state), (self.panes, flush.panes)):
            for key, value in rows:
                if value is None:
                    kept.pop(key, None)
                else:
                    kept[key] = value
        self.panes[markers.KEY] = markers.encode(flush.checkpoint)


def record(offset: int) -> FakeRecord:
    event = typed(
        NOW, {"type": "cx.feedback.submitted.v1", "feedback_id": f"f{offset}", "survey": "nps", "score": 9}
    )
    return FakeRecord(offset, NOW, f"f{offset}".encode(), event.value())


@pytest.mark.parametrize("seed", range(PLAN))
def test_every_record_is_counted_or_skipped_once(seed: int) -> None:
    """Outcomes and skipped records are the number read, and no order is left. A failure names its seed."""
    world = World(Random(seed))
    while world.partition.next_offset < world.end:
        world.step()
    world.flush()
    done = world.restored()
    bad = sum(n for _, n, good in world.batches if not good)
    assert done.checkpoint.skipped == bad
    assert done.outcome_counts["accepted"] == sum(done.outcome_counts.values()) == world.end - bad
    assert len(done.store.entities) == world.end - bad
    assert done.skip_orders == {}
    assert not [key for key in world.state if key.startswith(order_key(0)[:-1])]


def test_an_order_for_another_batch_does_nothing() -> None:
    """It goes when its batch was read after all."""
    partition = PartitionTask(Feedback(), 0, 1, aggregation_config())
    partition.restore_order(order_key(2), encode(SkipOrder(end=4, records=2)))
    assert not partition.skip(0)
    partition.process([record(offset) for offset in range(3)], NOW)
    assert order_key(2) not in dict(partition.prepare_flush(NOW, 0).state), "the batch is counted in half"
    partition.process([record(3)], NOW)
    flush = partition.prepare_flush(NOW, 0)
    assert dict(flush.state)[order_key(2)] is None
    assert (flush.checkpoint.skipped, flush.checkpoint.next_offset) == (0, 4)
    partition.restore_order(order_key(2), encode(SkipOrder(end=4, records=2)))
    assert not partition.skip(2), "read again from the topic of state before its tombstone"


def test_a_checkpoint_of_an_older_version_has_skipped_nothing() -> None:
    """Both fields have a default, and neither is written while it holds."""
    old = markers.encode(markers.Checkpoint(next_offset=7, outcomes={"accepted": 7}))
    assert b"skipped" not in old
    assert b"blocked_at" not in old
    read = markers.decode(old)
    assert (read.skipped, read.blocked_at) == (0, -1)


@pytest.mark.parametrize(
    ("base", "header", "following", "end"),
    [(5, 9, 9, 9), (5, 9, None, 9), (5, 300, 9, 9), (5, 5, None, 6), (5, -4, None, 6)],
)
def test_the_end_of_an_unreadable_batch(base: int, header: int, following: int | None, end: int) -> None:
    """The batch behind it is believed before its own header."""
    assert end_of(base, header, following) == end
