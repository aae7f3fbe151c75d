"""How far partitions are counted, and what makes one not covered."""

from msgspec.structs import replace

from stream.core.model.checkpoint import VERSION, Checkpoint
from stream.operations.inspection.positions import Position, blocked, problems, summary

NOW = 1_790_000_000_000
GOOD = Checkpoint(next_offset=10, partitions=2, config_hash="a", written_at=NOW - 4_000)


def said(*markers: Checkpoint | None) -> list[str]:
    """What is said about partitions that end at 12."""
    return problems([Position(number, 12, checkpoint) for number, checkpoint in enumerate(markers)], "a", NOW)


def test_what_is_counted_has_no_faults() -> None:
    """A marker of the last seconds under the same settings, however much is still to do."""
    assert said(GOOD, replace(GOOD, next_offset=0, lag_ms=29_000)) == []


def test_how_far_behind() -> None:
    """Offsets from what was counted to the end, all of them without a marker."""
    assert summary([Position(0, 12, GOOD), Position(1, 12, None)]) == "uncounted offsets by partition: 2 12"


def test_each_reason_is_named_once_with_its_partitions() -> None:
    """The same reason of several partitions is one line."""
    assert said(None, None) == ["never counted: partition 0, 1"]


def test_every_reason() -> None:
    """Idle too long, lagging, other settings or shape, a newer version, a topic made anew, a clock ahead."""
    cases = {
        "no worker, the last flush was 31 s ago": {"written_at": NOW - 31_000, "lag_ms": 31_000},
        "lags, its worker has not reached the end for 30 s": {"lag_ms": 30_000},
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
        assert said(GOOD, replace(GOOD, **change)) == [f"{text}: partition 1"]


def test_an_unreadable_batch_is_named_with_the_command_that_skips_it() -> None:
    """Topic, partition, offset."""
    found = [Position(0, 12, GOOD), Position(1, 12, replace(GOOD, blocked_at=10)), Position(2, 12, None)]
    (line,) = blocked("x.tickets", found)
    assert line.startswith("x.tickets partition 1: the batch at offset 10 cannot be read")
    assert "cxgauge skip x.tickets:1:10" in line
