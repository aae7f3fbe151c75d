"""What is believed of the panes' records, and when."""

import pytest

from stream.core.model.checkpoint import KEY, VERSION
from stream.exporter.coverage import PartitionId
from stream.exporter.state import PaneBatch
from tests.exporter.memory import SHOWN, Worker, answers, exporter, feed, refresh
from tests.support import DAY, NOW, FakeRecord

FEEDBACK = PartitionId("feedback", 0)


def test_no_figure_is_a_mixture_of_before_and_after_a_flush() -> None:
    """Records wait for the marker that ends their flush, however they are cut into batches."""
    shown = exporter()
    worker = Worker(shown)
    feed(shown, worker(answers(2, 10)))
    first, second = worker(answers(2, 0))["feedback"], worker(answers(4, 5))["feedback"]
    seen = []
    for record in first + second:
        feed(shown, {"feedback": [record]})
        seen.append(refresh(shown)[SHOWN])
    assert seen == [100] * (len(first) - 1) + [0] * len(second[:-1]) + [0, -50]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": VERSION + 1}, "written by a newer version"),
        ({"version": VERSION - 1}, "written by an older version"),
        ({"partitions": 7}, "counted with 7 partitions, here 1"),
        ({"config_hash": "theirs"}, "counted under other settings (theirs, here "),
    ],
)
def test_what_is_not_ours_does_not_cover(changes: dict[str, object], why: str) -> None:
    """The reason is said; once its worker has made everything anew under our terms, the figures are right."""
    shown = exporter()
    worker = Worker(shown)
    feed(shown, worker())
    feed(shown, {"feedback": worker(answers(3, 10), **changes)["feedback"]})
    page = refresh(shown)
    assert (page["cx_partitions_covered"], SHOWN in page) == (2, False)
    assert f"feedback 0: {why}" in shown.unready_reason(0)
    feed(shown, Worker(shown)(answers(3, 10)))
    assert refresh(shown)[SHOWN] == 100


def test_a_record_that_cannot_be_read_ends_its_partition() -> None:
    """Its domain stands still, the others go on; nothing that comes after it is believed."""
    shown = exporter()
    worker = Worker(shown)
    feed(shown, worker(answers(2, 10)))
    assert refresh(shown)[SHOWN] == 100
    feed(shown, {"feedback": [FakeRecord(90, NOW, b"\xc1", b"\xc1"), FakeRecord(91, NOW, KEY, b"\xc1")]})
    feed(shown, worker(answers(8, 0)))
    page = refresh(shown)
    assert (page[SHOWN], page["cx_partitions_covered"]) == (100, 2)
    assert "feedback 0: a record cannot be read" in shown.unready_reason(0)


def test_panes_that_cannot_be_fetched_end_their_partition() -> None:
    """What came before it is shown; the reason is the reader's."""
    shown = exporter()
    worker = Worker(shown)
    feed(shown, worker(answers(2, 10)))
    feed(shown, {"feedback": worker(answers(8, 0))["feedback"]}, error="cx.panes.feedback partition 0: bad")
    page = refresh(shown)
    assert page["cx_partitions_covered"] == 2
    assert (
        shown.unready_reason(0)
        == "1 of 3 partitions are not covered: feedback 0: cx.panes.feedback partition 0: bad"
    )


def test_an_unreadable_batch_of_the_source_is_named() -> None:
    """Once the lag says that the partition is not covered; what was skipped is counted."""
    shown = exporter()
    worker = Worker(shown)
    feed(shown, worker(answers(2, 10), lag=29_000, blocked_at=2))
    assert refresh(shown)["cx_partitions_covered"] == 3
    feed(shown, worker(lag=30_000, blocked_at=2))
    assert "feedback 0: its worker cannot read the batch at offset 2 of its source" in shown.unready_reason(0)
    feed(shown, worker(skipped=3))
    page = refresh(shown)
    assert (page["cx_partitions_covered"], page['cx_records_skipped_total{topic="cx.feedback"}']) == (3, 3)


def test_reading_afresh_leaves_nothing_of_what_was_deleted_meanwhile() -> None:
    """What a partition held before is taken out, and it is not covered until it is there again."""
    shown = exporter()
    feed(shown, Worker(shown)(answers(2, 10, channel="gone")))
    assert refresh(shown)[SHOWN] == 100
    again = Worker(shown)(answers(2, 0))["feedback"]
    feed(shown, {"feedback": again[:-1]}, from_beginning=True)
    assert refresh(shown)[SHOWN] == 100, "stands still"
    assert "feedback 0: no checkpoint yet" in shown.unready_reason(0)
    feed(shown, {"feedback": again[-1:]})
    page = refresh(shown)
    assert page[SHOWN] == -100
    assert not [name for name in page if "gone" in name]
    assert page["cx_window_repairs_total"] == 0


def test_a_marker_from_the_past_is_as_old_as_it_is() -> None:
    """While there is more to read, a marker counts as received when it was written; at the end, when it comes."""
    shown = exporter()
    written = Worker(shown)(clock=NOW - 31_000)
    feed(shown, written, at_end=False)
    assert "no checkpoint for 31 s" in shown.unready_reason(0)
    feed(shown, written)
    assert refresh(shown)["cx_partitions_covered"] == 3
    assert list(shown.apply(PaneBatch(FEEDBACK, []), monotonic_ms=0, wall_ms=NOW)) == []


def test_windows_longer_than_what_is_kept_say_so() -> None:
    """Until they have filled."""
    shown = exporter()
    feed(shown, Worker(shown)(complete_since=NOW - 8 * DAY))
    refresh(shown)
    assert shown.filling_windows() == "windows still filling: 30d"
    assert shown.unready_reason(0) == ""
    feed(shown, Worker(shown)(complete_since=NOW - 30 * DAY))
    refresh(shown)
    assert shown.filling_windows() == ""
