"""Business hours: a measure over intervals, by zone, shift, holiday and version."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.times import from_ms, to_ms
from stream.core.model.business_hours import BusinessHours, Calendar, Shift, business_hours_of
from tests.support import DAY, HOUR, MINUTE

OFFICE = ((540, 1080),)
LUNCH = ((540, 780), (840, 1080))


def calendar(shifts: Iterable[Shift] = OFFICE, days: str = "mtwtf__", **more: object) -> Calendar:
    """Mon-Fri 09-18 in Rome unless told otherwise."""
    hours = tuple(tuple(shifts) if day != "_" else () for day in days)
    return Calendar(
        **{"name": "it", "since": date(1970, 1, 1), "timezone": "Europe/Rome", "hours": hours} | more
    )


def at(text: str, zone: str = "Europe/Rome") -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def business(start: str, end: str, *versions: Calendar) -> int:
    return BusinessHours(versions or (calendar(),)).between(at(start), at(end)) // 1000


GOLDEN = {
    "FRT-1": ("2026-01-09 16:30", "2026-01-12 09:30", calendar(), 7_200),
    "FRT-1 with lunch": ("2026-01-09 16:30", "2026-01-12 09:30", calendar(LUNCH), 7_200),
    "FRT-2": ("2026-03-28 12:00", "2026-03-30 12:00", calendar(), 10_800),
    "FRT-2 round the clock": (
        "2026-03-28 12:00",
        "2026-03-30 12:00",
        calendar([(0, 1440)], "mtwtfss"),
        169_200,
    ),
    "FRT-4": ("2026-01-12 12:30", "2026-01-12 14:15", calendar(LUNCH), 2_700),
    "FRT-6": ("2026-01-10 11:00", "2026-01-11 15:00", calendar(), 0),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_worked_cases(case: str) -> None:
    """Weekends, lunch, and the hour that the clocks skip."""
    start, end, hours, expected = GOLDEN[case]
    assert business(start, end, hours) == expected


def test_an_overnight_shift_belongs_to_the_day_it_begins_on() -> None:
    """Saturday's night ends on Sunday, also when Sunday is a holiday; none begins on a holiday."""
    night = calendar([(1320, 1560)], "_____s_", holidays=(date(2026, 1, 11), date(2026, 1, 17)))
    assert business("2026-01-11 00:00", "2026-01-12 00:00", night) == 7_200
    assert business("2026-01-17 00:00", "2026-01-19 00:00", night) == 0


def test_a_shift_over_a_change_of_the_clocks_is_as_long_as_it_really_is() -> None:
    """22:00 to 06:00: seven hours in the night of March, nine in that of October."""
    night = calendar([(1320, 1800)], "mtwtfss")
    assert business("2026-03-28 20:00", "2026-03-29 12:00", night) == 7 * 3600
    assert business("2026-10-24 20:00", "2026-10-25 12:00", night) == 9 * 3600


def test_holidays_are_closed() -> None:
    """Christmas on a Friday."""
    closed = calendar(holidays=(date(2026, 12, 25),))
    assert business("2026-12-24 17:00", "2026-12-28 10:00", closed) == 2 * 3600


def test_a_later_version_holds_from_its_day_on() -> None:
    """With its own hours and zone; before the first version there is no business time."""
    first = calendar(since=date(2026, 1, 5))
    later = calendar([(600, 660)], "mtwtfss", since=date(2026, 2, 2), timezone="UTC")
    assert business("2026-01-01 00:00", "2026-01-05 10:00", later, first) == 3600
    assert business("2026-01-30 17:00", "2026-02-02 11:30", later, first) == 3600 + 1800
    assert business("1950-01-01 00:00", "2025-01-01 00:00", later, first) == 0


def test_intervals_that_overlap_count_once() -> None:
    """A night of the old version and the morning of the new one."""
    old = calendar([(1320, 1560)], "mtwtfss")
    new = calendar([(0, 180)], "mtwtfss", since=date(2026, 1, 10))
    assert business("2026-01-09 12:00", "2026-01-10 12:00", old, new) == 5 * 3600


def test_the_first_calendar_that_holds_counts() -> None:
    """By channel and team; an empty list is everyone, also those without a value."""
    chat = calendar(name="chat", channels=("chat",), teams=("a", "b"))
    rest = calendar(name="rest")
    assert [c.name for c in (chat, rest) if c.holds("chat", "a")] == ["chat", "rest"]
    assert not chat.holds("chat", None)
    assert not chat.holds("web", "a")
    assert rest.holds(None, None)
    listed = business_hours_of([chat, rest, calendar(name="chat", since=date(2027, 1, 1))])
    assert [c.name for c, _ in listed] == ["chat", "rest", "chat"]
    assert listed[0][1] is listed[2][1] is not listed[1][1]


ZONES = ["Europe/Rome", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
shifts = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda s: (s[0], s[0] + s[1]))
weeks = st.lists(st.lists(shifts, max_size=2).map(tuple), min_size=7, max_size=7).map(tuple)
dates = st.dates(date(2025, 12, 20), date(2026, 1, 15))
calendars = st.builds(
    Calendar,
    name=st.just("x"),
    since=st.sampled_from([date(1970, 1, 1), date(2026, 1, 1), date(2011, 12, 30)]),
    timezone=st.sampled_from(ZONES),
    hours=weeks,
    holidays=st.lists(dates, max_size=3).map(tuple),
)
moments = st.integers(at("2025-12-25 00:00"), at("2026-11-10 00:00")) | st.integers(
    at("2026-03-27 00:00"), at("2026-04-06 00:00")
)


@given(calendars, moments, moments, moments)
def test_business_time_is_additive_and_monotone(one: Calendar, a: int, b: int, c: int) -> None:
    """From a to c is from a to b and from b to c; never less than nothing, never more than passed."""
    a, b, c = sorted((a, b, c))
    hours = BusinessHours([one])
    assert hours.between(a, c) == hours.between(a, b) + hours.between(b, c)
    assert 0 <= hours.between(a, b) <= b - a


@settings(max_examples=40)
@given(calendars, st.integers(0, 300), st.integers(0, 60))
def test_business_time_is_what_a_clock_on_the_wall_would_count(one: Calendar, day: int, length: int) -> None:
    """Minute by minute, away from changes of the clocks: in a shift of today, or in one of yesterday past midnight."""
    zone = ZoneInfo(one.timezone)
    start = at("2026-01-01 00:00") + day * DAY + 7 * MINUTE
    end = start + length * HOUR
    expected = 0
    for moment in range(start, end, MINUTE):
        local = from_ms(moment).astimezone(zone).replace(tzinfo=None)
        for back in (0, 1, 2):
            begun = local.date() - timedelta(days=back)
            minute = (local - datetime.combine(begun, datetime.min.time())) // timedelta(minutes=1)
            worked = any(a <= minute < b for a, b in one.hours[begun.weekday()])
            if worked and begun >= one.since and begun not in one.holidays:
                expected += MINUTE
                break
    offsets = {from_ms(t).astimezone(zone).utcoffset() for t in range(start - 3 * DAY, end + 3 * DAY, HOUR)}
    if len(offsets) == 1:
        assert BusinessHours([one]).between(start, end) == expected


@given(calendars, moments, st.integers(1, 90 * HOUR))
def test_a_deadline_is_when_the_amount_is_over(one: Calendar, start: int, amount: int) -> None:
    """Up to it exactly the amount is worked, and not a millisecond before."""
    hours = BusinessHours([one])
    due = hours.after(start, amount)
    if due is None:
        assert hours.between(start, start + 20 * 365 * DAY) < amount
    else:
        assert hours.between(start, due) == amount
        assert hours.between(start, due - 1) == amount - 1


def test_a_calendar_without_hours_has_no_deadline() -> None:
    """It ends after twenty years of looking."""
    never = calendar(days="_______")
    assert BusinessHours([never]).after(at("2026-01-01 00:00"), 1) is None


def test_moments_of_any_age_are_taken() -> None:
    """The year 1 as the beginning of a calendar and of a stretch."""
    ancient = to_ms(datetime(1, 1, 1, tzinfo=UTC))
    hours = BusinessHours([calendar(since=date(1, 1, 1))])
    assert hours.between(ancient, at("1970-01-02 10:00")) == 10 * HOUR
    assert hours.between(ancient, ancient + DAY) == 0
