"""Entities on disk expire when those in memory do, though most are deleted without being read."""

from random import Random

import pytest

from schemas.customers import CustomerErased
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.tickets import InteractionHandled
from stream.core.aggregation import stored_timers
from stream.core.aggregation import task as tasks
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.stored_entities import StoredEntities
from stream.core.aggregation.tickets import Tickets
from stream.core.model.pane_blocks import Row
from stream.core.model.time_buckets import Window
from tests.support import DAY, HOUR, MINUTE, NOW, Event, FakeRecord, aggregation_config, records, single
from tests.worker.disk.tables import MemoryTable

CONFIG = aggregation_config(windows=(Window("1h", HOUR),), erasure_retention=3 * DAY)
PEOPLE = None, "p", "q"
FLUSHES = 60
"""So many that nothing is due any more."""


def feedback(random: Random) -> Event:
    """Return an event of few answers and people, of any age that is in time."""
    named, person = {"feedback_id": f"a{random.randrange(12)}"}, random.choice(PEOPLE)
    data = random.choice(
        [
            FeedbackOffered(**named, survey="nps", customer_id=person),
            FeedbackSubmitted(**named, survey="nps", score=random.randrange(11), customer_id=person),
            FeedbackSubmitted(**named, survey="nps", score=1, revision=random.randrange(3)),
            FeedbackDeleted(**named),
        ]
    )
    return Event(data, 0, 0)


def interaction(random: Random) -> Event:
    """Return an interaction with or without a ticket."""
    data = InteractionHandled(
        interaction_id=f"i{random.randrange(8)}",
        talk_s=60,
        hold_s=0,
        wrap_s=0,
        ticket_id=random.choice([None, "t"]),
        customer_id=random.choice(PEOPLE),
        revision=random.randrange(3),
    )
    return Event(data, 0, 0)


class BothForms:
    """The same partition in memory and in a table, of which some flushes are not committed before it is opened again."""

    def __init__(self, random: Random, number: int) -> None:
        self.random = random
        self.table = MemoryTable()
        self.log: list[Row] = []
        """Records of the state topic."""
        self.committed = 0
        """Records that the table has."""
        self.memory, self.disk = (single((Feedback(), Tickets())[number], CONFIG) for _ in range(2))
        self.disk.store.keep_in(self.opened())
        self.now = NOW
        self.next_offset = 0
        self.expired = 0

    def opened(self) -> StoredEntities:
        """Return the entities of the table."""
        return StoredEntities(self.table, self.disk.kinds, CONFIG, is_empty=False)

    @property
    def entities(self) -> StoredEntities:
        """The entities of the partition on disk."""
        assert isinstance(self.disk.store.entities, StoredEntities)
        return self.disk.store.entities

    def process(self, event: Event) -> None:
        """Process an event that is at most a day late."""
        stamped = event._replace(
            at=self.now - self.random.randrange(DAY), stamp=self.now, id=f"e{self.random.randrange(40)}"
        )
        listed = records([stamped], self.next_offset)
        self.next_offset += 1
        for task in (self.memory, self.disk):
            task.process(listed, self.now)

    def flush(self) -> None:
        """Flush both. Which of the entities that are due go first may differ."""
        before = len(self.disk.store.entities)
        self.memory.prepare_flush(self.now, 0)
        self.log += self.disk.prepare_flush(self.now, 0).state
        self.expired += max(before - len(self.disk.store.entities), 0)

    def compare(self) -> None:
        """Flush both until nothing is due any more, and compare the entities."""
        for _ in range(FLUSHES):
            self.flush()
        assert dict(self.entities.items()) == self.memory.store.entities
        assert len(self.entities) == len(self.memory.store.entities)
        assert self.disk.panes.blocks == self.memory.panes.blocks

    def commit(self) -> None:
        """Write what was flushed."""
        self.entities.commit([])
        self.committed = len(self.log)

    def reopen(self) -> None:
        """Open the table as it is, and read the end of the log, of which it may have a part."""
        self.disk.store.keep_in(self.opened())
        for key, raw in self.log[max(self.committed - self.random.randrange(5), 0) :]:
            self.disk.restore_state(key, raw)
        if self.disk.erasures.index is not None:
            self.disk.erasures.index = self.entities.persons


@pytest.mark.parametrize("number", [0, 1], ids=["feedback", "interactions"])
@pytest.mark.parametrize("seed", range(6))
def test_equals_memory_after_any_history(number: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """New entities, edits that move the expiry, changes of person, erasures, few expiries a flush, restarts."""
    monkeypatch.setattr(tasks, "MAX_EXPIRED", 3)
    monkeypatch.setattr(stored_timers, "MAX_TIMERS", 2)
    random = Random(seed)
    both = BothForms(random, number)
    for _ in range(300):
        match random.randrange(12):
            case 0:
                both.now += random.randrange(30) * HOUR
            case 1 | 2:
                both.flush()
            case 3 if random.random() < 0.5:
                both.compare()
            case 4:
                both.flush()
                both.commit()
            case 5 if random.random() < 0.4:
                both.flush()
                both.reopen()
            case 6 if random.random() < 0.2:
                both.process(Event(CustomerErased(customer_id=random.choice("pq")), 0, 0))
            case _:
                both.process((feedback, interaction)[number](random))
        both.now += random.randrange(20) * MINUTE
    both.compare()
    assert list(pane_differences(both.disk)) == []
    both.now += 100 * DAY
    for task in (both.memory, both.disk):
        task.checkpoint.watermark = both.now
    both.compare()
    both.commit()
    assert both.expired > 20
    left = {key for key in both.table.rows if key != b"\0n"}
    assert {key[:2] for key in left if key[:1] == b"\0"} <= {b"\0p"}
    assert {key for key in left if key[:1] != b"\0"} == set(both.memory.store.entities), "responders"


def test_nothing_is_read_while_nothing_is_due() -> None:
    """Neither by flushes with new answers nor by empty ones, after a first look. A due hour costs its own rows only."""
    table = MemoryTable()
    task = single(Feedback(), CONFIG)
    task.store.keep_in(StoredEntities(table, task.kinds, CONFIG, is_empty=False))
    assert isinstance(task.store.entities, StoredEntities)
    entities, now, offset = task.store.entities, NOW // HOUR * HOUR, 0

    def flush(answers: int) -> tuple[int, int, int]:
        """Count answers and flush. Return look-ups alone, look-ups together and rows that were read."""
        nonlocal offset
        before = table.reads, table.reads_together, table.rows_read
        data = [
            FeedbackSubmitted(feedback_id=f"a{offset + n}", survey="nps", score=9) for n in range(answers)
        ]
        task.process(
            records([Event(answer, now, now, f"e{n}") for n, answer in enumerate(data)], offset), now
        )
        offset += answers
        task.prepare_flush(now, 0)
        entities.commit([])
        return (
            table.reads - before[0],
            table.reads_together - before[1],
            table.rows_read - before[2],
        )

    assert flush(0) == (0, 0, 0)
    for _ in range(20):
        assert flush(100) == (0, 100, 0), "each new ID is asked for once"
        assert flush(0) == (0, 0, 0)
    now += CONFIG.allowed_lateness
    assert flush(0) == (0, 0, 0), "the hour has not ended"
    now += HOUR
    task.process([FakeRecord(offset, now, None, b"{")], now)
    task.checkpoint.watermark = now
    lookups, together, rows = flush(0)
    assert (lookups, together) == (0, 0), "no answer is read when it expires"
    assert rows <= 21, "one row of timers for each flush, and the one behind them"
    assert len(entities) == 0
    assert flush(0) == (0, 0, 0)
