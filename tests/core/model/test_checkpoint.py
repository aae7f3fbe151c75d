"""What the marker of a flush says about the panes."""

from zlib import crc32

import msgspec
import pytest

from schemas.feedback import FeedbackOffered
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.derive import score_vector
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model import checkpoint as markers
from stream.core.model.checkpoint import Checkpoint
from tests.support import DAY, NOW, WINDOWS, Event, aggregation_config, records, single

WEEK = aggregation_config(windows=WINDOWS[:4], config_hash="week")


def counted(partition: PartitionTask, at: int) -> PartitionTask:
    """A partition after an event of that time and a flush."""
    event = Event(FeedbackOffered(feedback_id="f", survey="nps"), at, at)
    partition.process(records([event], partition.next_offset), at)
    partition.prepare_flush(at, 0)
    return partition


def test_panes_reach_back_as_far_as_they_are_kept() -> None:
    """Further than any window."""
    week = counted(single(Feedback(), WEEK), NOW)
    assert (
        week.checkpoint.complete_since == NOW - WEEK.pane_retention < WEEK.windows[-1].first(NOW) * 3_600_000
    )


def test_longer_windows_do_not_bring_back_what_is_gone() -> None:
    """Panes begin where they began under the shorter windows, until the longer ones have filled.

    7 d kept      |-------|NOW
    30 d, a week later    |-------------|   since: still where it was
    30 d, a year later                       ...  |-----|   since: as far back as is kept
    """
    week = counted(single(Feedback(), WEEK), NOW)
    month = single(Feedback())
    month.restore_panes(markers.KEY, markers.encode(week.checkpoint))
    assert month.finish_restore()
    assert counted(month, NOW + 7 * DAY).checkpoint.complete_since == NOW - WEEK.pane_retention
    assert (
        counted(month, NOW + 365 * DAY).checkpoint.complete_since
        == NOW + 365 * DAY - month.config.pane_retention
    )


def test_what_version_1_kept_of_answers_is_read() -> None:
    """It had the contributions at the end of each record; all is written anew without them."""
    old = counted(single(Feedback()), NOW)
    ((key, raw),) = old.store.entities.items()
    new = single(Feedback())
    new.restore_state(
        key, b"\x97" + raw[1:] + b"\x91\x95\xa8response\x90\x91\xa3nps\xce\x01\xc7\x38\x2a\x81\x00\x01"
    )
    new.restore_panes(markers.KEY, markers.encode(msgspec.structs.replace(old.checkpoint, version=1)))
    assert new.finish_restore()
    assert new.panes.blocks == old.panes.blocks
    assert new.store.entities == old.store.entities
    assert new.prepare_flush(NOW, 0).state == [(key, raw)]


@pytest.mark.parametrize(
    ("domain", "version", "reason"),
    [
        (Feedback(), 1, ""),
        (Tickets(), markers.VERSION, ""),
        (Tickets(), 2, "version 2 is older than 3: process it again under another topics.state_prefix"),
        (Feedback(), 99, f"version 99 is newer than {markers.VERSION}, which this one writes"),
    ],
)
def test_state_of_a_version_that_cannot_be_read_is_refused(domain: Domain, version: int, reason: str) -> None:
    """Of tickets nothing before version 3, as their places were others."""
    partition = single(domain)
    partition.restore_panes(markers.KEY, markers.encode(Checkpoint(version=version, next_offset=1)))
    assert partition.incompatibility() == reason


def test_a_marker_says_its_version() -> None:
    """Those of versions 1 and 2 did not: a worker of then left it out, as it was its default."""
    assert markers.decode(b"\xde\x00\x02\xa4next\x05\xaapartitions\x01").version == 2
    flushed = counted(single(Feedback()), NOW)
    assert msgspec.msgpack.decode(markers.encode(flushed.checkpoint))["version"] == markers.VERSION


def test_what_answers_contribute_is_that_of_the_version() -> None:
    """It is derived anew to be taken back: whoever changes it changes the version, so that panes are made anew."""
    made = [
        (
            survey,
            score,
            scale,
            direction,
            premature,
            sorted(score_vector(survey, score, scale, direction, premature).items()),
        )
        for survey, scales in {
            "nps": [None],
            "csat": [None, (0, 100)],
            "ces": [None, (1, 7)],
            "exit": [None],
        }.items()
        for scale in scales
        for direction in (None, "ease", "effort")
        for premature in (False, True)
        for score in range(*(scale or (0, 11)))
    ]
    assert (markers.VERSION, crc32(repr(made).encode())) == (3, 1861836469)
