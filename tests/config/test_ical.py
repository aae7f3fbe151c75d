"""Closures from iCalendar files, worked out by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.times import to_ms
from stream.config.ical import LAST_DAY, Closures, closures

ROME = ZoneInfo("Europe/Rome")


def ical(*lines: str, before: tuple[str, ...] = ()) -> bytes:
    """Return a file with one event."""
    event = ("BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT")
    return "\r\n".join(
        ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN", *before, *event, "END:VCALENDAR")
    ).encode()


def days(*lines: str) -> list[date]:
    """Return the days that an event closes. It must close no intervals."""
    closed = closures(ical(*lines), "Europe/Rome")
    assert not closed.intervals
    return closed.days


def intervals(*lines: str, before: tuple[str, ...] = ()) -> list[tuple[int, int]]:
    """Return the intervals that an event closes. It must close no days."""
    closed = closures(ical(*lines, before=before), "Europe/Rome")
    assert not closed.days
    return closed.intervals


def rome(month: int, day: int, hour: int = 0) -> int:
    return to_ms(datetime(2026, month, day, hour, tzinfo=ROME))


def of_2026(closed: list[date]) -> list[tuple[int, int]]:
    return [(day.month, day.day) for day in closed if day.year == 2026]


def test_whole_days_up_to_the_exclusive_end() -> None:
    """By DTEND, DURATION or neither. Folded lines are joined, a byte order mark is skipped."""
    assert days("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227", "SUMMARY:Chr", " istmas") == [
        date(2026, 12, 24),
        date(2026, 12, 25),
        date(2026, 12, 26),
    ]
    assert days("DTSTART;VALUE=DATE:20261224", "DURATION:P2D") == [date(2026, 12, 24), date(2026, 12, 25)]
    assert days("DTSTART;VALUE=DATE:20261224") == [date(2026, 12, 24)]
    marked = b"\xef\xbb\xbf" + ical("DTSTART;VALUE=DATE:20261224")
    assert closures(marked, "UTC") == Closures([date(2026, 12, 24)], [])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=YEARLY", [(11, 2)]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=1MO", [(11, 2)]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=-1FR", [(11, 27)]),
        ("FREQ=YEARLY;INTERVAL=2", [(11, 2)]),
        ("FREQ=YEARLY;UNTIL=20251231", []),
        ("FREQ=YEARLY;COUNT=3", [(11, 2)]),
        ("FREQ=YEARLY;COUNT=2", []),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20260301", [(1, 30), (2, 27)]),
        ("FREQ=YEARLY;BYYEARDAY=1,-1", [(1, 1), (12, 31)]),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", []),
        ("FREQ=WEEKLY;BYDAY=SA;UNTIL=20260110", [(1, 3), (1, 10)]),
    ],
)
def test_rules(rule: str, expected: list[tuple[int, int]]) -> None:
    """Of an event that begins on 2 November 2024. The first Monday of week 1 of 2026 is in 2025."""
    closed = days("DTSTART;VALUE=DATE:20241102", f"RRULE:{rule}")
    assert of_2026(closed) == expected


def test_exceptions_and_added_days() -> None:
    """EXDATE takes an occurrence out, RDATE adds one."""
    yearly = ("DTSTART;VALUE=DATE:20241102", "RRULE:FREQ=YEARLY")
    assert of_2026(days(*yearly, "EXDATE;VALUE=DATE:20261102")) == []
    assert of_2026(days(*yearly, "RDATE;VALUE=DATE:20260707")) == [(7, 7), (11, 2)]


def test_a_yearly_rule_without_end_reaches_to_the_last_year() -> None:
    """29 February occurs in leap years only."""
    assert days("DTSTART;VALUE=DATE:20250101", "RRULE:FREQ=YEARLY")[-1] == date(LAST_DAY.year, 1, 1)
    leap = days("DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY;COUNT=2")
    assert leap == [date(2024, 2, 29), date(2028, 2, 29)]


@pytest.mark.parametrize(
    "lines",
    [
        ("DTSTART;TZID=Europe/Rome:20261102T140000", "DTEND;TZID=Europe/Rome:20261102T180000"),
        ("DTSTART:20261102T140000", "DTEND:20261102T180000"),
        ("DTSTART:20261102T130000Z", "DTEND:20261102T170000Z"),
        ("DTSTART;TZID=America/New_York:20261102T080000", "DURATION:PT4H"),
    ],
)
def test_timed_events_close_their_interval(lines: tuple[str, ...]) -> None:
    """Zoned, floating (in the calendar's time zone), in UTC, and by duration."""
    assert intervals(*lines) == [(rome(11, 2, 14), rome(11, 2, 18))]


@pytest.mark.parametrize(
    ("duration", "hour"),
    [("PT24H", 13), ("P1D", 12), ("P1DT2H", 14), ("PT90M", None), ("duration:PT24H", 13)],
)
def test_days_of_a_duration_are_nominal_and_hours_exact(duration: str, hour: int | None) -> None:
    """RFC 5545, 3.3.6, over the night in which the clock goes forward, also for an event that recurs."""
    line = duration if ":" in duration else f"DURATION:{duration}"
    rule = "RRULE:FREQ=WEEKLY;COUNT=2"
    closed = intervals("DTSTART;TZID=Europe/Rome:20260328T120000", line, rule)
    end = rome(3, 28, 12) + 90 * 60_000 if hour is None else rome(3, 29, hour)
    assert closed[0] == (rome(3, 28, 12), end)
    assert closed[1][0] == rome(4, 4, 12)


def test_a_time_zone_defined_in_the_file() -> None:
    """The name is on no list."""
    zone = (
        "BEGIN:VTIMEZONE",
        "TZID:Office",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0300",
        "TZOFFSETTO:+0300",
        "END:STANDARD",
        "END:VTIMEZONE",
    )
    begin = to_ms(datetime(2026, 11, 2, 11, tzinfo=UTC))
    closed = intervals("DTSTART;TZID=Office:20261102T140000", "DURATION:PT1H", before=zone)
    assert closed == [(begin, begin + 3_600_000)]


def test_a_timed_event_that_recurs_keeps_its_local_time() -> None:
    """14:00 in summer and in winter."""
    closed = intervals(
        "DTSTART;TZID=Europe/Rome:20260102T140000", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYDAY=1FR;COUNT=12"
    )
    local = [datetime.fromtimestamp(a / 1000, ROME) for a, _ in closed]
    assert [(at.hour, at.weekday()) for at in local] == [(14, 4)] * 12


@pytest.mark.parametrize("line", ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"])
def test_cancelled_and_transparent_events_close_nothing(line: str) -> None:
    """An observance is no holiday."""
    assert days("DTSTART;VALUE=DATE:20261102", line) == []


def test_one_occurrence_is_moved_and_another_cancelled() -> None:
    """By RECURRENCE-ID."""
    moved = (
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID;VALUE=DATE:20261102",
        "DTSTART;VALUE=DATE:20261103",
        "END:VEVENT",
    )
    cancelled = (
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID;VALUE=DATE:20271102",
        "DTSTART;VALUE=DATE:20271102",
        "STATUS:CANCELLED",
        "END:VEVENT",
    )
    raw = ical("DTSTART;VALUE=DATE:20251102", "RRULE:FREQ=YEARLY;COUNT=3", before=(*moved, *cancelled))
    assert closures(raw, "UTC").days == [date(2025, 11, 2), date(2026, 11, 3)]


def test_an_interval_over_midnight_and_one_without_length() -> None:
    """The latter closes nothing."""
    assert intervals("DTSTART:20261231T200000", "DTEND:20270101T060000") == [
        (rome(12, 31, 20), rome(12, 31, 20) + 10 * 3_600_000)
    ]
    assert intervals("DTSTART:20261231T200000") == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "BEGIN:VCALENDAR is missing"),
        (b"no calendar", "."),
        (b"\xff\xfe", "utf-8"),
        (ical("SUMMARY:x"), "the event 'x': DTSTART is missing"),
        (ical("DTSTART;VALUE=DATE:2026-11-02"), "DTSTART"),
        (ical("DTSTART;TZID=Nowhere/X:20261102T140000", "DURATION:PT1H"), "zone 'Nowhere/X' is unknown"),
        (ical("DTSTART:20261102T140000", "DTEND:20261102T120000"), "is before DTSTART"),
        (ical("DTSTART:20261102T990000", "SUMMARY:x"), "DTSTART"),
        (ical("DTSTART;VALUE=DATE:20261102", "RRULE:FREQ=NEVER"), "RRULE"),
        (ical("DTSTART:20261102T000000", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"), "allowed is DAILY"),
        (
            ical("DTSTART;VALUE=DATE:20261102", "RRULE:FREQ=DAILY;INTERVAL=0"),
            "INTERVAL 0, allowed is 1 or more",
        ),
        (b"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261102\r\nEND:VEVENT", "it begins with VEVENT"),
        (b"x" * (5 << 20), "bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(raw: bytes, message: str) -> None:
    """A missing holiday would be worse than a refused start."""
    with pytest.raises(ValueError, match=message):
        closures(raw, "UTC")


def test_an_endless_daily_rule_reaches_to_the_last_day() -> None:
    """And no further. Too many events are refused."""
    closed = days("DTSTART;VALUE=DATE:20590101", "RRULE:FREQ=DAILY")
    assert (len(closed), closed[-1]) == (365, LAST_DAY)
    event = b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260101\r\nEND:VEVENT\r\n"
    with pytest.raises(ValueError, match="it has 2001 events, 2000 are allowed"):
        closures(b"BEGIN:VCALENDAR\r\n" + event * 2001 + b"END:VCALENDAR\r\n", "UTC")
