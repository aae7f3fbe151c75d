"""Timers are due by the minute, the oldest first, and a flush deletes a bounded number of entities."""

import pytest

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation import task as tasks
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.timers import MemoryTimers
from tests.support import DAY, MINUTE, NOW, Event, records, single


def test_a_limit_leaves_the_rest_for_the_next_call() -> None:
    """No key is lost, and none is due before its minute."""
    timers = MemoryTimers()
    for n in range(10):
        timers.keys(NOW + n // 4 * MINUTE).append(b"%d" % n)
    assert timers.due(NOW - MINUTE, 3) == []
    assert timers.due(NOW + MINUTE, 3) == [b"0", b"1", b"2"]
    timers.keys(NOW).append(b"late")
    assert timers.due(NOW + MINUTE, 3) == [b"3", b"late", b"4"]
    assert timers.due(NOW + MINUTE, 30) == [b"5", b"6", b"7"]
    assert timers.due(NOW + 2 * MINUTE, 0) == []
    assert timers.due(NOW + 2 * MINUTE, 2) == [b"8", b"9"]


def test_a_flush_deletes_a_bounded_number_of_entities(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next flushes delete the rest, without a record that causes it."""
    monkeypatch.setattr(tasks, "MAX_EXPIRED", 4)
    task = single(Feedback())
    answers = [
        Event(FeedbackSubmitted(feedback_id=f"f{n}", survey="nps", score=9), NOW, NOW, f"e{n}")
        for n in range(10)
    ]
    task.process(records(answers), NOW)
    task.prepare_flush(NOW, 0)
    task.checkpoint.watermark = later = NOW + 60 * DAY
    flushes = [task.prepare_flush(later, 0) for _ in range(4)]
    tombstones = [sum(raw is None for _, raw in flush.state) for flush in flushes]
    assert tombstones == [4, 4, 2, 0]
    assert not len(task.store.entities)
