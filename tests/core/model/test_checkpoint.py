"""The start of the panes in the checkpoint, and the version of the state."""

from zlib import crc32

import msgspec
import pytest

from schemas.feedback import FeedbackOffered
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.derive import score_vector
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model import checkpoint as checkpoints
from stream.core.model.aggregates.feedback import NPS, reason_vector
from stream.core.model.checkpoint import Checkpoint
from tests.support import DAY, NOW, WINDOWS, Event, aggregation_config, finish_restore, records, single

WEEK = aggregation_config(windows=WINDOWS[:4], config_hash="week")


def counted(partition: PartitionTask, at: int) -> PartitionTask:
    """Process an event of that time and flush."""
    event = Event(FeedbackOffered(feedback_id="f", survey="nps"), at, at)
    partition.process(records([event], partition.next_offset), at)
    partition.prepare_flush(at, 0)
    return partition


def test_panes_reach_back_as_far_as_they_are_kept() -> None:
    """Panes are kept for longer than any window."""
    one_week = counted(single(Feedback(), WEEK), NOW)
    assert (
        one_week.checkpoint.complete_since
        == NOW - WEEK.pane_retention
        < WEEK.windows[-1].first(NOW) * 3_600_000
    )


def test_longer_windows_do_not_extend_panes_into_the_past() -> None:
    """Rebuilt panes start where the entities did under the shorter windows, until the longer ones have filled.

    7 d kept      |-------|NOW
    30 d, a week later    |-------------|   since: still where it was
    30 d, a year later                       ...  |-----|   since: as far back as is kept
    """
    one_week = counted(single(Feedback(), WEEK), NOW)
    entities_since = NOW - WEEK.derivable_retention(NPS)
    assert one_week.checkpoint.derivable_since == entities_since
    thirty_days = single(Feedback())
    thirty_days.restore_panes(checkpoints.KEY, checkpoints.encode(one_week.checkpoint))
    assert finish_restore(thirty_days)
    assert counted(thirty_days, NOW + 7 * DAY).checkpoint.complete_since == entities_since
    assert (
        counted(thirty_days, NOW + 365 * DAY).checkpoint.complete_since
        == NOW + 365 * DAY - thirty_days.config.pane_retention
    )


@pytest.mark.parametrize(
    ("domain", "version", "reason"),
    [
        (Tickets(), checkpoints.VERSION, ""),
        (Feedback(), 4, "version 4 is older than 5: process it again under another topics.state_prefix"),
        (Feedback(), 99, f"version 99 is newer than {checkpoints.VERSION}, which this one writes"),
    ],
)
def test_state_of_a_version_that_cannot_be_read_is_refused(domain: Domain, version: int, reason: str) -> None:
    """State from before definitions version 2 is refused: its figures would have other meanings."""
    partition = single(domain)
    partition.restore_panes(checkpoints.KEY, checkpoints.encode(Checkpoint(version=version, next_offset=1)))
    assert partition.incompatibility() == reason


def test_a_checkpoint_has_its_version() -> None:
    """Versions 1 and 2 did not write the field, because it had its default."""
    assert checkpoints.decode(b"\xde\x00\x02\xa4next\x05\xaapartitions\x01").version == 2
    task = counted(single(Feedback()), NOW)
    assert msgspec.msgpack.decode(checkpoints.encode(task.checkpoint))["version"] == checkpoints.VERSION


def test_contributions_of_answers_are_pinned_to_the_version() -> None:
    """A rebuild subtracts contributions derived by this code, so a change of them needs a new version."""
    contributions = [
        (
            survey,
            score,
            scale,
            direction,
            premature,
            sorted((vector := score_vector(survey, score, scale, direction, premature)).items()),
            sorted(reason_vector(survey, vector).items()),
        )
        for survey, scales in {
            "nps": [None],
            "csat": [None, (0, 100), (1, 4)],
            "ces": [None, (1, 7)],
            "exit": [None],
        }.items()
        for scale in scales
        for direction in (None, "ease", "effort")
        for premature in (False, True)
        for score in range(*(scale or (0, 11)))
    ]
    assert (checkpoints.VERSION, crc32(repr(contributions).encode())) == (6, 738178151)
