"""The beginning of incidents, against the maximum of all possible beginnings and on incidents whose beginning is known."""

from collections.abc import Iterable
from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.detection.baseline import Baseline
from stream.core.detection.finding import Finding
from stream.core.detection.incident_start import STATISTICS, SURE, Since, began, last_left_zero
from stream.core.detection.means import NUMBER, SQUARES, SUM, UNIT
from stream.core.detection.scores import DOWN, UP
from stream.core.detection.share_baseline import IN_TIME, OVERDUE, ShareBaseline, share_baseline
from stream.core.detection.stream_events import StreamEvents
from stream.core.detection.streams import STREAMS
from stream.core.model.time_buckets import HOUR, MINUTE, QUARTER
from tests.core.detection.history import NOW_MINUTE, every, put


class KnownEvidence:
    """Events with a given baseline: `rate` events an hour."""

    weight = 0.5

    def __init__(self, events: StreamEvents, rate: float = 1.0) -> None:
        self.events = events
        self.minute = NOW_MINUTE
        self._rate = rate

    def baseline(self, depth: int) -> Baseline:
        return Baseline(
            NOW_MINUTE // 60 - depth, [self._rate] * (depth + 1), 5.0, self._rate * 720 + 1, 0.1, 0.1
        )

    def shares(self) -> ShareBaseline:
        """Return that of five in a hundred cycles."""
        hours = 40 * 24
        hour = NOW_MINUTE // 60
        return share_baseline([5] * hours, [95] * hours, hour - hours, hour)

    def is_marked(self) -> bool:
        """Return whether decisions to leave are told from other churns. They are."""
        return True


def bucket(minute: int, step: int) -> Since:
    """Return the bucket of a minute."""
    return Since(minute * MINUTE // step * step, step)


def put_all(events: StreamEvents, minutes: Iterable[int], part: int = 0, n: int = 1) -> None:
    for minute in minutes:
        put(events, minute, part, n)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_it_is_the_most_probable_beginning(ratios: list[int]) -> None:
    """The sum from it to the end is the largest of all, and positive. The buckets before it speak against the incident."""
    sums = [sum(ratios[begin:]) for begin in range(len(ratios))]
    best = max(sums)
    position = last_left_zero(ratios)
    if position is None:
        assert best <= 0 or all(sum(ratios[:n]) > -SURE for n, rest in enumerate(sums) if rest == best)
    else:
        assert sums[position] == best > 0
        assert sum(ratios[:position]) <= -SURE


@pytest.mark.parametrize(
    ("ratios", "position"),
    [([], None), ([-9], None), ([1, 1], None), ([-9, 2, -1, 3], 1), ([1, -5, 0, 1], 3), ([-2, 5], None)],
)
def test_the_sum_must_have_been_zero(ratios: list[float], position: int | None) -> None:
    """If it was above zero in all buckets, or is not surely zero in the first ones, it began before them."""
    assert last_left_zero(ratios) == position


def test_leavers_begin_with_the_first_minute_of_many() -> None:
    """One of an hour ago is no part of it, because 1 an hour is expected. One of the minute before is."""
    events = StreamEvents(2)
    put_all(events, every(60))
    put(events, NOW_MINUTE - 61)
    put_all(events, range(NOW_MINUTE - 5, NOW_MINUTE + 1), n=4)
    finding = Finding(1e-9, 24, 0.1, 300)
    assert began("leaving", KnownEvidence(events), finding) == bucket(NOW_MINUTE - 5, MINUTE)
    put(events, NOW_MINUTE - 6)
    assert began("leaving", KnownEvidence(events), finding) == bucket(NOW_MINUTE - 6, MINUTE)


def test_longer_buckets_are_used_if_it_began_before_the_minutes() -> None:
    """Ten an hour for five hours, where one in two hours is expected, with a short window."""
    events = StreamEvents(2)
    put_all(events, range(NOW_MINUTE - 300, NOW_MINUTE + 1, 6))
    evidence = KnownEvidence(events, rate=0.5)
    assert began("leaving", evidence, Finding(1e-9, 10, 0.5, 3600)) == bucket(NOW_MINUTE - 300, QUARTER)


def test_it_is_not_known_before_the_baseline() -> None:
    """Three days of ten an hour, and a baseline of 51 hours."""
    events = StreamEvents(2)
    put_all(events, range(NOW_MINUTE - 3 * 1440, NOW_MINUTE + 1, 6))
    assert began("leaving", KnownEvidence(events, rate=0.5), Finding(1e-9, 10, 0.5, 3600)) is None


def test_missing_answers_begin_when_they_stop() -> None:
    """Sixty an hour until two hours ago. The present minute is not over, so nothing is missing of it."""
    events = StreamEvents(1)
    put_all(events, range(NOW_MINUTE - 600, NOW_MINUTE - 90))
    finding = Finding(1e-9, 0, 60, 3600)
    assert began("answers_missing", KnownEvidence(events, rate=60), finding) == bucket(
        NOW_MINUTE - 90, MINUTE
    )


def test_late_answers_begin_with_the_first_of_many() -> None:
    """Targets ahead of the clock do not count."""
    events = StreamEvents(2, ahead=True)
    put_all(events, range(NOW_MINUTE - 600, NOW_MINUTE, 2), IN_TIME)
    put_all(events, range(NOW_MINUTE - 25, NOW_MINUTE), OVERDUE)
    put_all(events, range(NOW_MINUTE + 1, NOW_MINUTE + 9), IN_TIME, 50)
    finding = Finding(1e-9, 25, 1.5, 1800)
    assert began("answers_late", KnownEvidence(events), finding) == bucket(NOW_MINUTE - 25, MINUTE)
    longer = finding._replace(window_seconds=4 * 3600)
    assert began("answers_late", KnownEvidence(events), longer) == bucket(NOW_MINUTE - 25, QUARTER)


@pytest.mark.parametrize("of", ["nps", "csat"])
def test_scores_begin_with_the_worse_answers(of: str) -> None:
    """A tenth of the answers was bad, and all are from three hours ago on."""
    events = StreamEvents(3)
    put_all(events, every(10, end=NOW_MINUTE - 180), UP, 9)
    put_all(events, every(10, end=NOW_MINUTE - 190), DOWN)
    put_all(events, range(NOW_MINUTE - 180, NOW_MINUTE, 10), DOWN)
    finding = Finding(1e-9, 18, 1.8, 4 * 3600)
    assert began(of, KnownEvidence(events), finding) == bucket(NOW_MINUTE - 180, QUARTER)


def test_longer_interactions_begin_with_the_first_of_them() -> None:
    """They take twice as long from five hours ago on."""
    random, events = Random(1), StreamEvents(3)
    for minute in every(15):
        seconds = 200 * random.lognormvariate(0, 0.3) * (2 if minute >= NOW_MINUTE - 300 else 1)
        value = round(UNIT * log(1000 * seconds))
        for part, n in ((NUMBER, 1), (SUM, value), (SQUARES, value * value)):
            put(events, minute, part, n)
    since = began("handle_time", KnownEvidence(events), Finding(1e-9, 400, 200, 8 * 3600))
    assert since is not None
    assert abs(since.time - (NOW_MINUTE - 300) * MINUTE) <= 2 * QUARTER


@pytest.mark.parametrize("of", ["payment_churn", "reopenings"])
def test_scans_of_days_use_hours(of: str) -> None:
    """Ten an hour from 30 hours ago on."""
    events = StreamEvents(2)
    put_all(events, every(120, end=NOW_MINUTE - 1800))
    put_all(events, range(NOW_MINUTE - 1800, NOW_MINUTE, 6))
    evidence = KnownEvidence(events, rate=0.5)
    assert began(of, evidence, Finding(1e-9, 300, 36, 72 * 3600)) == bucket(NOW_MINUTE - 1800, HOUR)


def test_every_stream_has_a_statistic() -> None:
    assert STATISTICS.keys() == {stream.of for stream in STREAMS}
