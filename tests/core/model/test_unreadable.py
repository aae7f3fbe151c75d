"""Skip orders are executed once, with crashes at any point, and are not entities."""

from random import Random

import pytest

from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.model import checkpoint as checkpoints
from stream.core.model.unreadable import SkipOrder, UnreadableBatch, encode, end_of, order_key
from tests.core.aggregation.feedback.strategies import typed
from tests.support import NOW, FakeRecord, aggregation_config

HISTORIES = 60
"""The number of seeded histories."""


class Simulation:
    """A log of batches, some unreadable, with stored state and a worker that may crash between any two steps."""

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
        self.partition = self.restore()

    def restore(self) -> PartitionTask:
        partition = PartitionTask(Feedback(), 0, 1, aggregation_config())
        for restore_row, table in (
            (partition.restore_state, self.state),
            (partition.restore_panes, self.panes),
        ):
            for key, value in table.items():
                restore_row(key, value)
        partition.finish_restore()
        return partition

    def step(self) -> None:
        """Take one random step: read a batch, write an order, execute it, flush or crash."""
        match self.random.randrange(5):
            case 0:
                self.partition = self.restore()
            case 1:
                self.flush()
            case _:
                self.read()

    def read(self) -> None:
        at = self.partition.next_offset
        if at >= self.end:
            return
        base, n, readable = next(batch for batch in self.batches if batch[0] + batch[1] > at)
        if readable:
            end = self.random.randrange(max(at, base), base + n) + 1  # a flush may come in the middle
            self.partition.process([record(offset) for offset in range(base, end)], NOW)
            return
        if not self.partition.skip(base) and self.random.random() < 0.5:
            batch = UnreadableBatch(base, base + n, "damaged")
            order = encode(SkipOrder(end=batch.end, records=batch.records(self.partition.next_offset)))
            self.state[order_key(base)] = order
            self.partition.restore_order(order_key(base), order)

    def flush(self) -> None:
        flush = self.partition.prepare_flush(NOW, 0)
        for table, rows in ((self.state, flush.state), (self.panes, flush.panes)):
            for key, value in rows:
                if value is None:
                    table.pop(key, None)
                else:
                    table[key] = value
        self.panes[checkpoints.KEY] = checkpoints.encode(flush.checkpoint)


def record(offset: int) -> FakeRecord:
    fields = {"feedback_id": f"f{offset}", "survey": "nps", "score": 9}
    event = typed(NOW, {"type": "cx.feedback.submitted.v1", "id": f"e{offset}", **fields})
    return FakeRecord(offset, NOW, f"f{offset}".encode(), event.value())


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_every_record_is_counted_or_skipped_once(seed: int) -> None:
    """Counted and skipped records sum to the records read, and no order is left. A failure names its seed."""
    simulation = Simulation(Random(seed))
    while simulation.partition.next_offset < simulation.end:
        simulation.step()
    simulation.flush()
    restored = simulation.restore()
    unreadable_records = sum(n for _, n, readable in simulation.batches if not readable)
    assert restored.checkpoint.skipped == unreadable_records
    assert (
        restored.outcome_counts["accepted"]
        == sum(restored.outcome_counts.values())
        == simulation.end - unreadable_records
    )
    assert len(restored.store.entities) == simulation.end - unreadable_records
    assert restored.skip_orders == {}
    assert not [key for key in simulation.state if key.startswith(order_key(0)[:-1])]


def test_an_order_for_another_batch_has_no_effect() -> None:
    """An order is deleted when its batch was read."""
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
    """Both fields have defaults, and a default is not written."""
    old = checkpoints.encode(checkpoints.Checkpoint(next_offset=7, outcomes={"accepted": 7}))
    assert b"skipped" not in old
    assert b"blocked_at" not in old
    read = checkpoints.decode(old)
    assert (read.skipped, read.blocked_at) == (0, -1)


@pytest.mark.parametrize(
    ("base", "header", "following", "end"),
    [(5, 9, 9, 9), (5, 9, None, 9), (5, 300, 9, 9), (5, 5, None, 6), (5, -4, None, 6)],
)
def test_the_end_of_an_unreadable_batch(base: int, header: int, following: int | None, end: int) -> None:
    """The next batch takes precedence over the batch's own header."""
    assert end_of(base, header, following) == end
