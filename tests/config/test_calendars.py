"""Business hours in the configuration, and holidays from iCalendar files."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stream.config import Calendar, load
from stream.config.ical import holidays
from stream.errors import ConfigError

ROME = {"name": "it", "timezone": "Europe/Rome", "hours": {"mon": ["09:00-13:00", "14:00-18:00"]}}


def calendars(*tables: object) -> tuple[Calendar, ...]:
    """Return the calendars of these tables."""
    return load(None, {"CXGAUGE_CALENDARS": json.dumps(tables)}).calendars


def ical(*lines: str) -> str:
    """Return an iCalendar file with one event."""
    return "\r\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"))


def test_hours_are_minutes_of_the_local_day() -> None:
    """Spans are sorted. A span past midnight ends after minute 1,440."""
    hours = {"mon": ["14:00-18:00", "09:00-13:00"], "sat": ["22:00-02:00"], "sun": ["10:00-24:00"]}
    (calendar,) = calendars({**ROME, "hours": hours, "from": "2026-01-01", "teams": ["gold"]})
    assert calendar.hours == (((540, 780), (840, 1080)), (), (), (), (), ((1320, 1560),), ((600, 1440),))
    assert calendar.since == date(2026, 1, 1)
    assert calendar.teams == ("gold",)


def test_versions_of_a_calendar_may_coexist() -> None:
    """Calendars of one name differ by the day they begin."""
    first, second = calendars({**ROME, "from": "2025-01-01"}, {**ROME, "from": "2026-01-01"})
    assert (first.since, second.since) == (date(2025, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timezone": "Europe/Roma"}, "timezone: got 'Europe/Roma'"),
        ({"timezone": "../x"}, "timezone: got '../x'"),
        ({"name": ""}, "name: got ''"),
        ({"from": "1st of May"}, "from: got '1st of May'"),
        ({"hours": {}}, "hours: got {}"),
        ({"hours": {"monday": ["09:00-10:00"]}}, "hours: got {'monday'"),
        ({"hours": {"mon": ["9-5"]}}, "hours.mon: got '9-5'"),
        ({"hours": {"mon": ["09:00-09:00"]}}, "hours.mon: got '09:00-09:00'"),
        ({"hours": {"mon": ["09:60-10:00"]}}, "hours.mon: got '09:60-10:00'"),
        ({"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}, "hours.mon: got ['09:00-12:00', '11:00-13:00']"),
        ({"hours": {"sun": ["22:00-08:00"], "mon": ["07:00-09:00"]}}, "hours.sun: got ['22:00-08:00']"),
        ({"holidays": ["25.12."]}, "holidays: got '25.12.'"),
        ({"holidays_file": "no.ics"}, "holidays_file: got 'no.ics'"),
        ({"channels": "chat"}, "channels: got 'chat'"),
        ({"channels": [1]}, "channels: got 1"),
        ({"zone": "UTC"}, "zone: got 'UTC'"),
    ],
)
def test_errors_name_the_setting(change: dict[str, Any], message: str) -> None:
    """The error has the position of the calendar in the list."""
    with pytest.raises(ConfigError) as caught:
        calendars(ROME | change)
    assert str(caught.value).startswith(f"calendars.0.{message}")


def test_two_calendars_of_one_name_and_day_are_refused() -> None:
    """Their order would be ambiguous."""
    with pytest.raises(
        ConfigError, match=r"calendars\.1: got 'it', allowed is only one calendar with this name"
    ):
        calendars(ROME, ROME)


def test_holidays_of_list_and_file_are_merged(tmp_path: Path) -> None:
    """Both are merged and sorted, so that a changed file is a changed configuration."""
    (tmp_path / "it.ics").write_text(ical("DTSTART;VALUE=DATE:20260102", "SUMMARY:x"))
    path = tmp_path / "c.toml"
    path.write_text(
        '[[calendars]]\nname = "it"\ntimezone = "UTC"\nhours = {mon = ["09:00-10:00"]}\n'
        'holidays = [2026-01-03, "2026-01-01"]\nholidays_file = "it.ics"\n'
    )
    (calendar,) = load(path, {}).calendars
    assert calendar.holidays == (date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3))


def test_ical_days_until_the_exclusive_end() -> None:
    """DTEND is the first free day. Folded lines are joined."""
    text = ical("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227", "SUMMARY:Chr", " istmas")
    assert holidays(text) == [date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26)]


def test_ical_every_year() -> None:
    """A yearly rule gives the same day of each year to its end."""
    until = ical("DTSTART;VALUE=DATE:20250101", "RRULE:FREQ=YEARLY;UNTIL=20270101")
    assert holidays(until) == [date(year, 1, 1) for year in (2025, 2026, 2027)]
    assert holidays(ical("DTSTART:20240229", "RRULE:FREQ=YEARLY;COUNT=2")) == [
        date(2024, 2, 29),
        date(2028, 2, 29),
    ]
    assert holidays(ical("DTSTART:20250101", "RRULE:FREQ=YEARLY"))[-1] == date(2099, 1, 1)


@pytest.mark.parametrize(
    "text", ["no calendar", ical("SUMMARY:x"), ical("DTSTART:20250101", "RRULE:FREQ=YEARLY;BYDAY=1MO")]
)
def test_an_invalid_ical_file_is_refused(tmp_path: Path, text: str) -> None:
    """A missing holiday would be worse than a refused start."""
    with pytest.raises(ValueError):
        holidays(text)
