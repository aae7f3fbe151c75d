"""Periods of calendars, with changes of the clock, and periods between two moments."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.times import to_ms
from stream.core.model.periods import PERIODS, PeriodName, named_period, period_between
from stream.core.model.time_buckets import HOUR

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def moments(name: PeriodName, now: str, zone: str = "Europe/Berlin") -> list[str]:
    """Return begin and end of a period and of the one before, in UTC."""
    period = named_period(name, ZoneInfo(zone), utc(now))
    return [
        f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M}"[5:] for hours in period for at in hours
    ]


@pytest.mark.parametrize(
    ("name", "now", "expected"),
    [
        ("today", "2026-09-21T12:34", ["09-20T22:00", "09-21T12:00", "09-19T22:00", "09-20T12:00"]),
        ("yesterday", "2026-09-21T12:34", ["09-19T22:00", "09-20T22:00", "09-18T22:00", "09-19T22:00"]),
        # a Wednesday
        ("this-week", "2026-09-23T12:34", ["09-20T22:00", "09-23T12:00", "09-13T22:00", "09-16T12:00"]),
        ("last-week", "2026-09-23T12:34", ["09-13T22:00", "09-20T22:00", "09-06T22:00", "09-13T22:00"]),
        ("last-month", "2026-09-23T12:34", ["07-31T22:00", "08-31T22:00", "06-30T22:00", "07-31T22:00"]),
        ("last-month", "2026-01-01T00:00", ["11-30T23:00", "12-31T23:00", "10-31T23:00", "11-30T23:00"]),
    ],
)  # fmt: skip
def test_periods_of_the_calendar(name: PeriodName, now: str, expected: list[str]) -> None:
    assert moments(name, now) == expected


def test_local_midnight_decides_what_today_is() -> None:
    """At 23:30 UTC it is tomorrow in Berlin."""
    assert moments("yesterday", "2026-09-20T23:30") == moments("yesterday", "2026-09-21T12:34")


def test_days_with_a_changed_clock_have_23_and_25_hours() -> None:
    spring = named_period("yesterday", BERLIN, utc("2026-03-30T12:00"))
    autumn = named_period("yesterday", BERLIN, utc("2026-10-26T12:00"))
    lengths = [(hours.end - hours.start) // HOUR for hours in (*spring, *autumn)]
    assert lengths == [23, 24, 25, 24]
    assert moments("last-month", "2026-04-02T12:00")[:2] == ["02-28T23:00", "03-31T22:00"]


def test_the_present_period_is_compared_with_the_same_time_of_the_clock() -> None:
    """In the week of the changed clock, too. The first 30 days of March are compared with all of February."""
    assert moments("this-week", "2026-10-25T12:00") == [
        "10-18T22:00", "10-25T12:00", "10-11T22:00", "10-18T11:00",
    ]  # fmt: skip
    assert moments("this-month", "2026-03-31T12:00") == [
        "02-28T23:00", "03-31T12:00", "01-31T23:00", "02-28T23:00",
    ]  # fmt: skip


def test_a_midnight_that_the_clock_leaves_out_is_the_first_hour() -> None:
    """In Havana the clock goes from 0 to 1 on 8 March 2026."""
    assert moments("yesterday", "2026-03-09T12:00", "America/Havana")[:2] == ["03-08T05:00", "03-09T04:00"]


@pytest.mark.parametrize("name", PERIODS)
def test_half_hours_are_refused(name: PeriodName) -> None:
    with pytest.raises(
        ValueError, match=r"00:00 in Asia/Kolkata is 18:30 in UTC. Figures of a period are sums"
    ):
        named_period(name, ZoneInfo("Asia/Kolkata"), utc("2026-09-23T12:34"))


def test_a_period_needs_a_whole_hour() -> None:
    with pytest.raises(ValueError, match="today has no whole hour yet in UTC"):
        named_period("today", ZoneInfo("UTC"), utc("2026-09-23T00:59"))
    assert named_period("today", ZoneInfo("UTC"), utc("2026-09-23T01:00")).hours.buckets[0] == (
        utc("2026-09-23T00:00") // HOUR
    )


def test_periods_between_moments() -> None:
    """Local without an offset. The period before is as long, in hours."""
    now = utc("2026-11-27T12:34")
    begin, end = (datetime.fromisoformat(text) for text in ("2026-10-01", "2026-11-01"))
    local = period_between(begin, end, BERLIN, now)
    assert local.hours == named_period("last-month", BERLIN, now).hours
    assert local.before == (utc("2026-08-30T21:00"), utc("2026-09-30T22:00"))
    assert (
        period_between(
            datetime.fromisoformat("2026-10-01T00:00+02:00"),
            datetime.fromisoformat("2026-10-31T23:00Z"),
            ZoneInfo("UTC"),
            now,
        )
        == local
    )


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        ("2026-11-01", "2026-11-01", "the period is empty"),
        ("2026-11-02", "2026-11-01", "ends before it begins"),
        ("2026-11-01", "2026-11-27T14:00", "ends in the future, whole hours end at 2026-11-27T13:00"),
        ("2026-11-01T10:30", "2026-11-02", "10:30 in Europe/Berlin is 09:30 in UTC"),
    ],
)
def test_periods_that_cannot_be(begin: str, end: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        period_between(
            datetime.fromisoformat(begin), datetime.fromisoformat(end), BERLIN, utc("2026-11-27T12:34")
        )
