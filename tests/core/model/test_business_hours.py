"""Business time between two moments, by time zone, shift, holiday and version."""

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


def calendar(shifts: Iterable[Shift] = OFFICE, days: str = "mtwtf__", **fields: object) -> Calendar:
    """Return a calendar, by default Mon-Fri 09-18 in Rome."""
    hours = tuple(tuple(shifts) if day != "_" else () for day in days)
    return Calendar(
        **{"name": "it", "since": date(1970, 1, 1), "timezone": "Europe/Rome", "hours": hours} | fields
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
    """Weekends, lunch breaks, and the skipped hour of the clock change."""
    start, end, hours, expected = GOLDEN[case]
    assert business(start, end, hours) == expected


def test_an_overnight_shift_belongs_to_the_day_it_begins_on() -> None:
    """Saturday's shift ends on Sunday, also on a holiday. No shift begins on a holiday."""
    night = calendar([(1320, 1560)], "_____s_", holidays=(date(2026, 1, 11), date(2026, 1, 17)))
    assert business("2026-01-11 00:00", "2026-01-12 00:00", night) == 7_200
    assert business("2026-01-17 00:00", "2026-01-19 00:00", night) == 0


def test_a_shift_over_a_clock_change_has_its_real_length() -> None:
    """22:00 to 06:00 are seven hours at the clock change of March, nine at that of October."""
    night = calendar([(1320, 1800)], "mtwtfss")
    assert business("2026-03-28 20:00", "2026-03-29 12:00", night) == 7 * 3600
    assert business("2026-10-24 20:00", "2026-10-25 12:00", night) == 9 * 3600


def test_holidays_are_closed() -> None:
    """Christmas on a Friday."""
    with_holiday = calendar(holidays=(date(2026, 12, 25),))
    assert business("2026-12-24 17:00", "2026-12-28 10:00", with_holiday) == 2 * 3600


def test_a_timed_holiday_cuts_every_shift() -> None:
    """Half a day, the middle of a shift, two that overlap, and one that reaches into a shift of the day before."""
    afternoon = calendar(closures=((at("2026-11-02 14:00"), at("2026-11-02 18:00")),))
    assert business("2026-11-02 00:00", "2026-11-03 00:00", afternoon) == 5 * 3600
    assert business("2026-11-02 15:00", "2026-11-03 10:00", afternoon) == 3600
    middle = calendar(
        closures=(
            (at("2026-11-02 10:00"), at("2026-11-02 11:00")),
            (at("2026-11-02 10:30"), at("2026-11-02 12:00")),
        )
    )
    assert business("2026-11-02 00:00", "2026-11-03 00:00", middle) == 7 * 3600
    assert business("2026-11-02 10:15", "2026-11-02 13:00", middle) == 3600
    night = calendar([(1320, 1800)], "mtwtfss", closures=((at("2026-11-03 00:00"), at("2026-11-04 00:00")),))
    assert business("2026-11-02 12:00", "2026-11-03 12:00", night) == 2 * 3600
    assert business("2026-11-03 12:00", "2026-11-04 12:00", night) == 6 * 3600


def test_a_closure_holds_as_long_as_its_version() -> None:
    """The old one ends with the day before the new one, the new one begins with its day."""
    week = ((at("2026-11-02 00:00"), at("2026-11-07 00:00")),)
    old, new = calendar(closures=week), calendar(since=date(2026, 11, 4))
    assert business("2026-11-02 00:00", "2026-11-07 00:00", old, new) == 3 * 9 * 3600
    old, new = calendar(), calendar(since=date(2026, 11, 4), closures=week)
    assert business("2026-11-02 00:00", "2026-11-07 00:00", old, new) == 2 * 9 * 3600


def test_after_is_the_inverse_of_between_around_a_closure() -> None:
    """The time that is cut out does not count."""
    hours = BusinessHours([calendar(closures=((at("2026-11-02 10:00"), at("2026-11-02 17:00")),))])
    start = at("2026-11-02 09:30")
    assert hours.after(start, 30 * MINUTE) == at("2026-11-02 10:00")
    assert hours.after(start, HOUR) == at("2026-11-02 17:30")


def test_a_later_version_applies_from_its_day() -> None:
    """Each version has its hours and time zone. The first one also holds before its day."""
    first = calendar(since=date(2026, 1, 5))
    later = calendar([(600, 660)], "mtwtfss", since=date(2026, 2, 2), timezone="UTC")
    assert business("2026-01-01 00:00", "2026-01-05 10:00", later, first) == 19 * 3600
    assert business("2026-01-30 17:00", "2026-02-02 11:30", later, first) == 3600 + 1800
    assert business("1950-01-01 00:00", "1970-01-01 00:00", later, first) == 0


def test_intervals_that_overlap_count_once() -> None:
    """A night shift of the old version overlaps the morning of the new one."""
    old = calendar([(1320, 1560)], "mtwtfss")
    new = calendar([(0, 180)], "mtwtfss", since=date(2026, 1, 10))
    assert business("2026-01-09 12:00", "2026-01-10 12:00", old, new) == 5 * 3600


def test_the_first_applicable_calendar_is_used() -> None:
    """Calendars are chosen by channel and team.

    An empty list applies to all tickets, also those without a value.
    """
    chat = calendar(name="chat", channels=("chat",), teams=("a", "b"))
    everyone = calendar(name="rest")
    assert [c.name for c in (chat, everyone) if c.holds("chat", "a")] == ["chat", "rest"]
    assert not chat.holds("chat", None)
    assert not chat.holds("web", "a")
    assert everyone.holds(None, None)
    schedules = business_hours_of([chat, everyone, calendar(name="chat", since=date(2027, 1, 1))])
    assert [c.name for c, _ in schedules] == ["chat", "rest", "chat"]
    assert schedules[0][1] is schedules[2][1] is not schedules[1][1]


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
def test_business_time_is_additive_and_monotone(random_calendar: Calendar, a: int, b: int, c: int) -> None:
    """The time from a to c is the sum from a to b and from b to c, and is at most the calendar time."""
    a, b, c = sorted((a, b, c))
    hours = BusinessHours([random_calendar])
    assert hours.between(a, c) == hours.between(a, b) + hours.between(b, c)
    assert 0 <= hours.between(a, b) <= b - a


@settings(max_examples=40)
@given(calendars, st.integers(0, 300), st.integers(0, 60))
def test_business_time_equals_a_count_of_minutes_in_shifts(
    random_calendar: Calendar, day: int, length: int
) -> None:
    """Counted minute by minute, without clock changes, including yesterday's shifts past midnight.

    The first version also holds before its first day.
    """
    zone = ZoneInfo(random_calendar.timezone)
    start = at("2026-01-01 00:00") + day * DAY + 7 * MINUTE
    end = start + length * HOUR
    expected = 0
    for moment in range(start, end, MINUTE):
        local = from_ms(moment).astimezone(zone).replace(tzinfo=None)
        for back in (0, 1, 2):
            shift_day = local.date() - timedelta(days=back)
            minute = (local - datetime.combine(shift_day, datetime.min.time())) // timedelta(minutes=1)
            is_open = any(a <= minute < b for a, b in random_calendar.hours[shift_day.weekday()])
            if is_open and shift_day not in random_calendar.holidays:
                expected += MINUTE
                break
    offsets = {from_ms(t).astimezone(zone).utcoffset() for t in range(start - 3 * DAY, end + 3 * DAY, HOUR)}
    if len(offsets) == 1:
        assert BusinessHours([random_calendar]).between(start, end) == expected


@given(calendars, moments, st.integers(1, 90 * HOUR))
def test_a_deadline_is_the_end_of_the_amount_of_business_time(
    random_calendar: Calendar, start: int, amount: int
) -> None:
    """The amount is reached at the deadline, and not a millisecond before."""
    hours = BusinessHours([random_calendar])
    deadline = hours.after(start, amount)
    if deadline is None:
        assert hours.between(start, start + 20 * 365 * DAY) < amount
    else:
        assert hours.between(start, deadline) == amount
        assert hours.between(start, deadline - 1) == amount - 1


def test_a_calendar_without_hours_has_no_deadline() -> None:
    """The search ends after twenty years."""
    closed_calendar = calendar(days="_______")
    assert BusinessHours([closed_calendar]).after(at("2026-01-01 00:00"), 1) is None


def test_dates_of_any_age_are_accepted() -> None:
    """Calendars and intervals may begin in year 1."""
    year_1 = to_ms(datetime(1, 1, 1, tzinfo=UTC))
    hours = BusinessHours([calendar(since=date(1, 1, 1))])
    assert hours.between(year_1, at("1970-01-02 10:00")) == 10 * HOUR
    assert hours.between(year_1, year_1 + DAY) == 0
