"""Scans of counts and shares against the formulae, written out with exact sums."""

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import comb, sqrt

import pytest

from stream.core.detection.baseline import Baseline
from stream.core.detection.counts import scan_counts
from stream.core.detection.finding import Finding
from stream.core.detection.missing import scan_missing
from stream.core.detection.share_baseline import IN_TIME, OVERDUE, DayShare, ShareBaseline, share_baseline
from stream.core.detection.shares import scan_shares
from stream.core.detection.stream_events import StreamEvents
from stream.core.detection.tails import negative_binomial_lower, negative_binomial_upper
from stream.core.model.time_buckets import HOUR
from tests.core.detection.history import MONDAY, NOW_MINUTE, events_of, every, put, weeks

NOW_HOUR = NOW_MINUTE // 60
WINDOWS = (HOUR, 24 * HOUR)


def _base(rate: float) -> Baseline:
    return Baseline(NOW_HOUR - 168, [rate] * 169, 40.0, rate * 720 + 1, 0.08, 0.05)


def _scan(
    events: StreamEvents, rate: float = 0.5, minute: int = NOW_MINUTE, **options: bool
) -> Finding | None:
    return scan_counts(events, _base(rate), minute, WINDOWS, times=2.5, least=4, **options)


def test_a_count_has_the_tail_of_one_event_less() -> None:
    """Nine in an hour where half of one is expected: of two windows the hour is more certain."""
    finding = _scan(events_of([NOW_MINUTE - n for n in range(9)]))
    # the window ends with the present minute, so it is a whole hour
    mean = 0.5 + 0.15 + 1e-6
    variance = 1.15 * mean + (0.5 + 1e-6) ** 2 * (0.08 + 1 / 40)
    tail = negative_binomial_upper(8, mean, variance)
    assert finding is not None
    assert finding.by_chance == pytest.approx((0.5 * 720 + 1) * 2 * tail, rel=1e-6)
    assert finding[1:] == (9, pytest.approx(0.5, rel=1e-5), 3600)


def test_counts_below_the_least_or_the_multiple_are_no_finding() -> None:
    assert _scan(events_of([NOW_MINUTE - n for n in range(3)])) is None
    assert _scan(events_of([NOW_MINUTE - n for n in range(9)]), rate=4.0) is None


def test_a_count_ends_five_minutes_after_its_last_event() -> None:
    events = events_of([NOW_MINUTE] * 9)
    finding = _scan(events, 0.1, NOW_MINUTE + 5)
    # of the hour nothing is left, but the day still shows it
    assert finding is not None
    assert finding.window_seconds == 86_400
    assert _scan(events, 0.1, NOW_MINUTE + 5 * 60) is None


def test_more_events_are_never_less_certain() -> None:
    events, before = events_of([NOW_MINUTE] * 4), None
    for _ in range(20):
        finding = _scan(events)
        assert finding is not None
        assert before is None or finding.by_chance < before
        before = finding.by_chance
        put(events, NOW_MINUTE)


@pytest.mark.parametrize("days", [27, 28, 31, 32])
def test_the_same_time_of_last_month_is_expected(days: int) -> None:
    """Bills that fail on the first of the month are no finding, 28 to 31 days later."""
    events = events_of([NOW_MINUTE - n for n in range(9)])
    for n in range(9):
        put(events, NOW_MINUTE - days * 1440 - n)
    assert (_scan(events, monthly=True) is None) is (28 <= days <= 31)
    assert _scan(events) is not None


def test_missing_answers_have_the_lower_tail() -> None:
    """Ten an hour until two hours ago, then none."""
    events = events_of(every(6, end=NOW_MINUTE - 120), 1)
    finding = scan_missing(events, _base(10.0), NOW_MINUTE)
    assert finding is not None
    # at ten o'clock the window of 2 h has the quarter-hours from 8:15 on
    expected = 10 * 105 / 60 + 1e-6
    variance = 1.15 * expected + expected**2 * (0.08 * 0.78190 + 0.05 * 0.21810 + 1 / 40)
    tail = negative_binomial_lower(0, expected, variance)
    assert finding.window_seconds == 7200
    assert finding.by_chance == pytest.approx(min(7201, 720 / 2 * 8) * 6 * tail, rel=1e-3)


def test_answers_that_come_back_end_the_finding() -> None:
    events = events_of([*every(6, end=NOW_MINUTE - 300)], 1)
    assert scan_missing(events, _base(10.0), NOW_MINUTE) is not None
    for minute in every(6, NOW_MINUTE - 59, NOW_MINUTE + 1):
        put(events, minute)
    assert scan_missing(events, _base(10.0), NOW_MINUTE) is None


def test_more_answers_are_never_more_certainly_missing() -> None:
    events, before = events_of(every(6, end=NOW_MINUTE - 120), 1), 0.0
    while (finding := scan_missing(events, _base(10.0), NOW_MINUTE)) is not None:
        assert finding.by_chance >= before
        before = finding.by_chance
        put(events, NOW_MINUTE - 50)
    assert before > 0


SHARE = ShareBaseline(
    NOW_HOUR - 24, [0.1] * 25, 20.0, DayShare(0.1, 40.0), 50.0, 100.0, 0.1, has_closed_hours=False
)
FEW_A_DAY = SHARE._replace(a_day=12.0)


def _outcomes(overdue: int, in_time: int, *, ahead: int = 0) -> StreamEvents:
    events = StreamEvents(2, ahead=True)
    put(events, NOW_MINUTE, OVERDUE, overdue)
    put(events, NOW_MINUTE, IN_TIME, in_time)
    put(events, NOW_MINUTE + 1, OVERDUE, ahead)
    return events


def _rising(x: Fraction, n: int) -> Fraction:
    result = Fraction(1)
    for i in range(n):
        result *= x + i
    return result


def test_late_answers_have_the_tail_of_one_less() -> None:
    """Six of eight where a tenth is expected, known as from 20 outcomes: exact by fractions."""
    finding = scan_shares(_outcomes(6, 2), lambda: SHARE, NOW_MINUTE)
    a, b = Fraction(2), Fraction(18)
    tail = sum(comb(7, k) * _rising(a, k) * _rising(b, 7 - k) for k in range(5, 8)) / _rising(a + b, 7)
    assert finding is not None
    assert finding.by_chance == pytest.approx(50 * 10 * float(tail), rel=1e-9)
    assert finding[1:] == (6, pytest.approx(0.8), 900)


def test_targets_ahead_of_the_present_do_not_count_before() -> None:
    """They are in the same quarter-hour and hour."""
    finding = scan_shares(_outcomes(6, 2, ahead=30), lambda: SHARE, NOW_MINUTE)
    assert finding == scan_shares(_outcomes(6, 2), lambda: SHARE, NOW_MINUTE)
    later = scan_shares(_outcomes(6, 2, ahead=30), lambda: SHARE, NOW_MINUTE + 1)
    assert later is not None
    assert later.events == 36


@pytest.mark.parametrize(("overdue", "in_time"), [(3, 0), (6, 24), (6, 60)])
def test_few_and_rare_late_answers_are_no_finding(overdue: int, in_time: int) -> None:
    assert scan_shares(_outcomes(overdue, in_time), lambda: SHARE, NOW_MINUTE) is None


def test_late_answers_end_five_minutes_after_the_last() -> None:
    events = _outcomes(9, 0)
    assert scan_shares(events, lambda: SHARE, NOW_MINUTE + 4) is not None
    assert scan_shares(events, lambda: SHARE, NOW_MINUTE + 5) is None


FEW = (30, 31 * 60, 36 * 60, 55 * 60, 60 * 60)
"""Minutes ago at which each of five tickets became overdue."""


def _few(*ago: int, in_time: Sequence[int] = ()) -> StreamEvents:
    events = StreamEvents(2, ahead=True)
    for part, minutes in ((OVERDUE, ago), (IN_TIME, in_time)):
        for minute in minutes:
            put(events, NOW_MINUTE - minute, part)
    return events


def test_few_tickets_a_day_are_judged_over_three_days() -> None:
    """Five of five late where a tenth is expected, known as from 40 outcomes: there is no burst among them."""
    finding = scan_shares(_few(*FEW), lambda: FEW_A_DAY, NOW_MINUTE)
    tail = _rising(Fraction(4), 4) / _rising(Fraction(40), 4)
    assert finding is not None
    assert finding.by_chance == pytest.approx(50 * 10 * float(tail), rel=1e-9)
    assert finding[1:] == (5, pytest.approx(0.5), 3 * 86_400)
    assert scan_shares(_few(*FEW[2:]), lambda: FEW_A_DAY, NOW_MINUTE) is None


def test_a_clear_burst_is_shown_in_place_of_days() -> None:
    """Twelve of twelve, with a baseline of days that is better known than that of the hour."""
    events = _few(*FEW[1:])
    put(events, NOW_MINUTE, OVERDUE, 12)
    finding = scan_shares(events, lambda: FEW_A_DAY, NOW_MINUTE)
    assert finding is not None
    assert finding[1:] == (12, pytest.approx(1.2), 900)


def test_many_tickets_a_day_are_judged_in_bursts_only() -> None:
    assert scan_shares(_few(*FEW), lambda: SHARE, NOW_MINUTE) is None


@pytest.mark.parametrize("in_time", [3, 4])
def test_four_answers_in_time_end_what_few_tickets_showed(in_time: int) -> None:
    events = _few(*(minute + 10 * 60 for minute in FEW), in_time=[60 * n for n in range(in_time)])
    assert (scan_shares(events, lambda: FEW_A_DAY, NOW_MINUTE) is None) is (in_time == 4)


def test_two_thousand_outcomes_say_as_much_as_more() -> None:
    """The tail of a million outcomes is not added up one by one: it is that of the same share of 2,000."""
    chances = [
        finding.by_chance
        for n in (1, 500)
        if (finding := scan_shares(_outcomes(600 * n, 1400 * n), lambda: SHARE, NOW_MINUTE)) is not None
    ]
    assert len(chances) == 2
    assert chances[0] == chances[1]


@pytest.mark.parametrize("share", [0.19, 0.21])
def test_targets_that_are_missed_all_the_time_are_no_finding(share: float) -> None:
    """Staff in office hours with targets in calendar time miss those of every night."""
    missed = SHARE._replace(month_share=share)
    assert bool(scan_shares(_outcomes(9, 0), lambda: missed, NOW_MINUTE)) is (share < 0.2)


def test_more_late_answers_are_never_less_certain() -> None:
    chances = []
    for overdue in range(4, 30):
        finding = scan_shares(_outcomes(overdue, 3), lambda: SHARE, NOW_MINUTE)
        assert finding is not None
        chances.append(finding.by_chance)
    assert chances == sorted(chances, reverse=True)


def _correlation(units: list[tuple[int, int, Fraction]]) -> Fraction:
    above = sum((late - n * p) ** 2 - n * p * (1 - p) for late, n, p in units)
    below = sum(n * (n - 1) * p * (1 - p) for _, n, p in units)
    return above / below


def test_the_share_of_days_ends_a_week_ago() -> None:
    """Of five and four outcomes a day, and all late of the last seven days."""
    late = [n for day in range(33) for n in (*(0,) * 8, int(day % 4 == 0), *(0,) * 15)] + [4] * 168
    good = [n for day in range(33) for n in (*(0,) * 9, 4 + day % 2, *(0,) * 14)] + [0] * 168
    first = MONDAY * 24
    days = share_baseline(late, good, first, first + len(late)).days
    units = [(int(day % 4 == 0), int(day % 4 == 0) + 4 + day % 2) for day in range(5, 33)]
    n = sum(outcomes for _, outcomes in units)
    p = (sum(bad for bad, _ in units) + Fraction(1, 2)) / (n + 10)
    error = sqrt(2 / sum(outcomes * (outcomes - 1) for _, outcomes in units))
    correlation = max(float(_correlation([(*unit, p) for unit in units])) - error, 0.02)
    assert days == (pytest.approx(float(p)), pytest.approx(1 / (correlation + 1 / (n + 10))))


@pytest.mark.parametrize(
    ("nights", "is_closed"),
    [
        pytest.param(range(35), True, id="every night"),
        pytest.param(range(0, 35, 9), True, id="four outcomes of four nights"),
        pytest.param(range(0, 35, 14), False, id="three outcomes"),
    ],
)
def test_nights_without_answers_are_closed_hours(nights: Iterable[int], is_closed: bool) -> None:
    """Targets in calendar time pass at night, when there are few tickets. By day they are met."""
    late, good = [0] * 35 * 24, [0] * 35 * 24
    for day in range(35):
        good[day * 24 + 10] = 9
    for night in nights:
        late[night * 24 + 3] = 1
    base = share_baseline(late, good, MONDAY * 24, (MONDAY + 35) * 24)
    assert base.has_closed_hours is is_closed
    assert base.month_share < 0.2
    finding = scan_shares(_outcomes(9, 0), lambda: SHARE._replace(has_closed_hours=is_closed), NOW_MINUTE)
    assert (finding is None) is is_closed


def test_one_night_without_answers_closes_no_hours() -> None:
    """Other nights are in time, or the outcomes are those of one night."""
    late, good = [0] * 35 * 24, [0] * 35 * 24
    for hour in range(8):
        late[20 * 24 + hour] = 5
        good[13 * 24 + hour] = 2 * (hour % 2)
    assert not share_baseline(late, good, MONDAY * 24, (MONDAY + 35) * 24).has_closed_hours


def test_the_baseline_of_shares_is_that_of_the_hours_of_the_week() -> None:
    """Against the definition in exact fractions."""
    random_ = random.Random(3)
    hours = 30 * 24 + 7
    late = [random_.choice((0, 0, 0, 1, 4)) * (h % 24 > 6) for h in range(hours)]
    good = [random_.choice((0, 2, 5)) for h in range(hours)]
    everything = [a + b for a, b in zip(late, good, strict=True)]
    first = MONDAY * 24
    base = share_baseline(late, good, first, first + hours)

    def share(i: int) -> Fraction:
        day = i // 24 * 24
        month = (sum(late[:day]) + Fraction(1, 2)) / (sum(everything[:day]) + 10)
        week = [sum(weeks(counts, i), Fraction(0)) * Fraction(8, 3) for counts in (late, everything)]
        return min(max((week[0] + 8 * month) / (week[1] + 8), Fraction(1, 100)), Fraction(97, 100))

    for i in (hours, hours - 1, hours - 24):
        assert base.share(first + i) == pytest.approx(float(share(i)), rel=1e-12)
    outcomes = [(late[i], everything[i], share(i)) for i in range(2 * 24, 30 * 24)]
    known = sum(weeks(everything, hours), Fraction(0)) * Fraction(8, 3) + 8
    correlation = min(max(_correlation(outcomes), Fraction(1, 50)), Fraction(1, 2))
    assert base.strength == pytest.approx(float(1 / (correlation + 1 / known)), rel=1e-9)
    assert base.month_share == pytest.approx(sum(late[: 30 * 24]) / sum(everything[: 30 * 24]))
    assert base.a_month == pytest.approx(sum(late[: 30 * 24]) / (30 * 24) * 720 + 2)
    assert base.a_day == pytest.approx(sum(everything[: 30 * 24]) / 30)
