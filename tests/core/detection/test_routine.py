"""Leavers of feeds that do not tell decisions from contracts that end."""

import pytest

from stream.core.detection.baseline import Baseline
from stream.core.detection.routine import scan_routine
from stream.core.detection.stream_events import StreamEvents
from stream.core.detection.streams import tells_apart
from stream.core.detection.tails import negative_binomial_upper
from tests.core.detection.history import NOW_MINUTE, put

NOW_HOUR = NOW_MINUTE // 60
BASE = Baseline(NOW_HOUR - 51, [0.5] * 52, 40.0, 361.0, 0.5, 0.5)
LEAVERS = 20
"""Customers who leave in the present minute."""


def _events(minute: int = 0, n: int = 0) -> StreamEvents:
    """Return the leavers of now, and those of a number of minutes ago."""
    events = StreamEvents(2)
    put(events, NOW_MINUTE - minute, n=n)
    put(events, NOW_MINUTE, n=LEAVERS)
    return events


def test_more_than_at_this_hour_of_any_day_has_the_tail_of_one_less() -> None:
    """Six left a month ago."""
    finding = scan_routine(_events(28 * 1440, 6), BASE, NOW_MINUTE)
    mean = 6 + 0.15
    tail = negative_binomial_upper(LEAVERS - 1, mean, 1.15 * mean + 0.03 * 36)
    assert finding is not None
    assert finding == (pytest.approx(361 * tail), LEAVERS, 6, 3600)


@pytest.mark.parametrize(
    ("minutes", "is_expected"),
    [
        pytest.param(1440, True, id="yesterday"),
        pytest.param(31 * 1440, True, id="the first of a long month"),
        pytest.param(35 * 1440, True, id="35 days ago"),
        pytest.param(36 * 1440, False, id="36 days ago"),
        pytest.param(7 * 1440 + 119, True, id="an hour earlier"),
        pytest.param(7 * 1440 - 119, True, id="an hour later"),
        pytest.param(7 * 1440 + 4 * 60, False, id="four hours earlier"),
        pytest.param(7 * 1440 - 4 * 60, False, id="four hours later"),
    ],
)
def test_a_batch_of_an_earlier_day_is_expected_at_its_hour(minutes: int, is_expected: bool) -> None:
    finding = scan_routine(_events(minutes, LEAVERS), BASE, NOW_MINUTE)
    assert (finding is None) is is_expected


def test_a_finding_ends_five_minutes_after_the_last_event() -> None:
    assert scan_routine(_events(), BASE, NOW_MINUTE + 4) is not None
    assert scan_routine(_events(), BASE, NOW_MINUTE + 5) is None


def test_four_leavers_are_no_finding() -> None:
    events = StreamEvents(2)
    put(events, NOW_MINUTE, n=4)
    assert scan_routine(events, BASE, NOW_MINUTE) is None
    put(events, NOW_MINUTE)
    assert scan_routine(events, BASE, NOW_MINUTE) is not None


@pytest.mark.parametrize(
    ("decisions", "churns", "tells"),
    [
        pytest.param([0, 3, 1], [0, 3, 1], False, id="every churn is a decision"),
        pytest.param([0, 3, 1], [0, 3, 2], True, id="an involuntary churn"),
        pytest.param([1, 3, 0], [0, 3, 1], True, id="a notice"),
        pytest.param([0, 0, 0], [0, 0, 0], True, id="no churn"),
    ],
)
def test_a_feed_without_notices_and_involuntary_churns_tells_nothing_apart(
    decisions: list[int], churns: list[int], tells: bool
) -> None:
    assert tells_apart(decisions, churns) is tells
