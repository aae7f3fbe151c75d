"""What the marker of a flush says about the panes."""

from schemas.feedback import FeedbackOffered
from stream.core import marker as markers
from stream.core.feedback import Feedback
from stream.core.partition import Partition
from tests.support import DAY, NOW, WINDOWS, Event, records, rules, single

WEEK = rules(windows=WINDOWS[:4], identity="week")


def counted(partition: Partition, at: int) -> Partition:
    """A partition after an event of that time and a flush."""
    event = Event(FeedbackOffered(feedback_id="f", survey="nps"), at, at)
    partition.fold(records([event], partition.next), at)
    partition.take(at, 0)
    return partition


def test_panes_reach_back_as_far_as_they_are_kept() -> None:
    """Further than any window."""
    week = counted(single(Feedback(), WEEK), NOW)
    assert week.at.since == NOW - WEEK.kept < WEEK.windows[-1].first(NOW) * 3_600_000


def test_longer_windows_do_not_bring_back_what_is_gone() -> None:
    """Panes begin where they began under the shorter windows, until the longer ones have filled.

    7 d kept      |-------|NOW
    30 d, a week later    |-------------|   since: still where it was
    30 d, a year later                       ...  |-----|   since: as far back as is kept
    """
    week = counted(single(Feedback(), WEEK), NOW)
    month = single(Feedback())
    month.restore_panes(markers.KEY, markers.encode(week.at))
    assert month.ready()
    assert counted(month, NOW + 7 * DAY).at.since == NOW - WEEK.kept
    assert counted(month, NOW + 365 * DAY).at.since == NOW + 365 * DAY - month.rules.kept
