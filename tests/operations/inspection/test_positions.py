"""Positions of partitions, and why one is not covered."""

from msgspec.structs import replace

from stream.core.model.checkpoint import VERSION, Checkpoint
from stream.operations.inspection.positions import Position, blocked, problems, summary

NOW = 1_790_000_000_000
COVERED = Checkpoint(next_offset=10, partitions=2, config_hash="a", written_at=NOW - 4_000)


def problems_of(*checkpoints: Checkpoint | None) -> list[str]:
    """Return the problems of partitions that end at offset 12."""
    return problems(
        [Position(number, 12, checkpoint) for number, checkpoint in enumerate(checkpoints)], "a", NOW
    )


def test_a_counted_partition_has_no_problems() -> None:
    """A recent checkpoint under the same settings, whatever the lag below its limit."""
    assert problems_of(COVERED, replace(COVERED, next_offset=0, lag_ms=29_000)) == []


def test_the_summary_counts_uncounted_offsets() -> None:
    """Offsets from the checkpoint to the end, all of them without a checkpoint."""
    assert (
        summary([Position(0, 12, COVERED), Position(1, 12, None)]) == "uncounted offsets by partition: 2 12"
    )


def test_each_reason_is_named_once_with_its_partitions() -> None:
    """Partitions with one reason share a line."""
    assert problems_of(None, None) == ["never counted: partition 0, 1"]


def test_every_reason() -> None:
    """Every reason for a partition not to be covered."""
    cases = {
        "no worker, the last flush was 31 s ago": {"written_at": NOW - 31_000, "lag_ms": 31_000},
        "lags, its worker has not reached the end for 30 s": {"lag_ms": 30_000},
        "lags, its worker has not reached the end yet": {"lag_ms": NOW},
        "counted under settings b, this configuration has a": {"config_hash": "b"},
        "counted with 3 partitions, topics.partitions is 2": {"partitions": 3},
        f"stored state has version {VERSION + 1}, newer than version {VERSION} of this program": {
            "version": VERSION + 1
        },
        "ends before the offset of its checkpoint, so the topic was deleted and created again": {
            "next_offset": 13
        },
        "its worker's clock is 2 s or more ahead of this machine's": {"written_at": NOW + 2_000},
    }
    for text, change in cases.items():
        assert problems_of(COVERED, replace(COVERED, **change)) == [f"{text}: partition 1"]


def test_an_open_transaction_is_named_when_it_makes_the_partition_lag() -> None:
    """A short one is not worth a line."""
    for lag, count in ((29_000, 0), (30_000, 2)):
        position = Position(0, 12, replace(COVERED, partitions=1, lag_ms=lag), uncommitted=2)
        lines = problems([position], "a", NOW)
        assert len(lines) == count
    assert (
        lines[1]
        == "a publisher's transaction is open, and records after its start cannot be read: partition 0"
    )


def test_an_unreadable_batch_is_named_with_the_command_that_skips_it() -> None:
    """The command has topic, partition and offset."""
    positions = [
        Position(0, 12, COVERED),
        Position(1, 12, replace(COVERED, blocked_at=10)),
        Position(2, 12, None),
    ]
    (line,) = blocked("x.tickets", positions)
    assert line.startswith("x.tickets partition 1: the batch at offset 10 cannot be read")
    assert "cxgauge skip x.tickets:1:10" in line


def test_state_without_panes_and_panes_without_state() -> None:
    """Every flush writes both, so one of the topics was replaced, as is a topic with another ID."""
    counted = replace(COVERED, outcomes={"accepted": 1})
    positions = [
        Position(0, 12, None, state_end=3),
        Position(1, 12, None, state_end=0),
        Position(2, 12, counted, state_end=0),
        Position(3, 12, counted, state_end=3),
        Position(4, 12, counted, state_end=3, state_fits=False),
    ]
    assert problems(
        [p._replace(checkpoint=p.checkpoint and replace(p.checkpoint, partitions=5)) for p in positions],
        "a",
        NOW,
    ) == [
        "has state but no panes, so the topic of panes was deleted and created again: partition 0",
        "never counted: partition 1",
        "has panes but no state, so the topic of state was deleted and created again: partition 2",
        "its checkpoint names another ID, so the topic of state was deleted and created again: partition 4",
    ]
