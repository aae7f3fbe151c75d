"""When records of panes are applied, and which are refused."""

import pytest

from stream.core.model.checkpoint import KEY, VERSION
from stream.exporter.coverage import PartitionId
from stream.exporter.state import PaneBatch
from tests.exporter.in_memory import NPS_SERIES, Worker, answers, apply_records, exporter, refresh
from tests.support import DAY, NOW, FakeRecord

FEEDBACK = PartitionId("feedback", 0)


def test_records_are_applied_with_the_checkpoint_of_their_flush() -> None:
    """Records are buffered until the checkpoint of their flush, however they are cut into batches."""
    state = exporter()
    worker = Worker(state)
    apply_records(state, worker(answers(2, 10)))
    first, second = worker(answers(2, 0))["feedback"], worker(answers(4, 5))["feedback"]
    scores = []
    for record in first + second:
        apply_records(state, {"feedback": [record]})
        scores.append(refresh(state)[NPS_SERIES])
    assert scores == [100] * (len(first) - 1) + [0] * len(second[:-1]) + [0, -50]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": VERSION + 1}, "written by a newer version"),
        ({"version": VERSION - 1}, "written by an older version"),
        ({"partitions": 7}, "counted with 7 partitions, here 1"),
        ({"config_hash": "theirs"}, "counted under other settings (theirs, here "),
    ],
)
def test_incompatible_checkpoints_do_not_cover(changes: dict[str, object], reason: str) -> None:
    """The reason is reported. After the worker has rebuilt its panes, the figures are served."""
    state = exporter()
    worker = Worker(state)
    apply_records(state, worker())
    apply_records(state, {"feedback": worker(answers(3, 10), **changes)["feedback"]})
    series = refresh(state)
    assert (series["cx_partitions_covered"], NPS_SERIES in series) == (2, False)
    assert f"feedback 0: {reason}" in state.unready_reason(0)
    apply_records(state, Worker(state)(answers(3, 10)))
    assert refresh(state)[NPS_SERIES] == 100


def test_an_unreadable_record_stops_its_partition() -> None:
    """Its domain is held, the others continue. Later records of the partition are ignored."""
    state = exporter()
    worker = Worker(state)
    apply_records(state, worker(answers(2, 10)))
    assert refresh(state)[NPS_SERIES] == 100
    apply_records(
        state, {"feedback": [FakeRecord(90, NOW, b"\xc1", b"\xc1"), FakeRecord(91, NOW, KEY, b"\xc1")]}
    )
    apply_records(state, worker(answers(8, 0)))
    series = refresh(state)
    assert (series[NPS_SERIES], series["cx_partitions_covered"]) == (100, 2)
    assert "feedback 0: a record cannot be read" in state.unready_reason(0)


def test_a_partition_that_was_created_again_is_readable_again() -> None:
    """It is read from its beginning, without the record that could not be read."""
    state = exporter()
    apply_records(state, Worker(state)(answers(2, 10)))
    apply_records(state, {"feedback": [FakeRecord(90, NOW, KEY, b"\xc1")]})
    assert refresh(state)["cx_partitions_covered"] == 2
    apply_records(state, {"feedback": Worker(state)(answers(2, 0))["feedback"]}, from_beginning=True)
    series = refresh(state)
    assert (series[NPS_SERIES], series["cx_partitions_covered"]) == (-100, 3)


def test_panes_that_cannot_be_fetched_stop_their_partition() -> None:
    """Records before the failure are served. The reason is that of the reader."""
    state = exporter()
    worker = Worker(state)
    apply_records(state, worker(answers(2, 10)))
    apply_records(
        state, {"feedback": worker(answers(8, 0))["feedback"]}, error="cx.panes.feedback partition 0: bad"
    )
    series = refresh(state)
    assert series["cx_partitions_covered"] == 2
    assert (
        state.unready_reason(0)
        == "1 of 3 partitions are not covered: feedback 0: cx.panes.feedback partition 0: bad"
    )


def test_an_unreadable_batch_of_the_source_is_named() -> None:
    """It is named once the lag exceeds the limit. Skipped records are counted."""
    state = exporter()
    worker = Worker(state)
    apply_records(state, worker(answers(2, 10), lag=29_000, blocked_at=2))
    assert refresh(state)["cx_partitions_covered"] == 3
    apply_records(state, worker(lag=30_000, blocked_at=2))
    assert "feedback 0: its worker cannot read the batch at offset 2 of its source" in state.unready_reason(0)
    apply_records(state, worker(skipped=3))
    series = refresh(state)
    assert (series["cx_partitions_covered"], series['cx_records_skipped_total{topic="cx.feedback"}']) == (
        3,
        3,
    )


def test_reading_from_the_beginning_removes_deleted_cells() -> None:
    """Former figures of the partition are removed, and it is not covered until its next checkpoint."""
    state = exporter()
    apply_records(state, Worker(state)(answers(2, 10, channel="gone")))
    assert refresh(state)[NPS_SERIES] == 100
    rewritten = Worker(state)(answers(2, 0))["feedback"]
    apply_records(state, {"feedback": rewritten[:-1]}, from_beginning=True)
    assert refresh(state)[NPS_SERIES] == 100, "stands still"
    assert "feedback 0: no checkpoint yet" in state.unready_reason(0)
    apply_records(state, {"feedback": rewritten[-1:]})
    series = refresh(state)
    assert series[NPS_SERIES] == -100
    assert not [name for name in series if "gone" in name]
    assert series["cx_window_repairs_total"] == 0


def test_an_old_checkpoint_counts_from_when_it_was_written() -> None:
    """Before the end of the log, a checkpoint counts from the time it was written, at the end from its receipt."""
    state = exporter()
    written = Worker(state)(clock=NOW - 31_000)
    apply_records(state, written, at_end=False)
    assert "no checkpoint for 31 s" in state.unready_reason(0)
    apply_records(state, written)
    assert refresh(state)["cx_partitions_covered"] == 3
    assert list(state.apply(PaneBatch(FEEDBACK, []), monotonic_ms=0, wall_ms=NOW)) == []


def test_windows_longer_than_the_stored_panes_are_reported_as_filling() -> None:
    """Windows are reported until they have filled."""
    state = exporter()
    apply_records(state, Worker(state)(complete_since=NOW - 8 * DAY))
    refresh(state)
    assert state.filling_windows() == "windows still filling: 30d"
    assert state.unready_reason(0) == ""
    apply_records(state, Worker(state)(complete_since=NOW - 30 * DAY))
    refresh(state)
    assert state.filling_windows() == ""
