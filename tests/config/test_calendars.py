"""Business hours in the configuration."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stream.config import Settings, load
from stream.config.config_hash import config_hash
from stream.core.model.business_hours import Calendar
from stream.errors import ConfigError

ROME = {"name": "it", "timezone": "Europe/Rome", "hours": {"mon": ["09:00-13:00", "14:00-18:00"]}}


def settings(*tables: object) -> Settings:
    return load(None, {"CXGAUGE_CALENDARS": json.dumps(tables)})


def calendars(*tables: object) -> list[Calendar]:
    """Return the calendars of these tables."""
    return [configured.calendar for configured in settings(*tables).calendars]


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
        ({"country": "XX"}, "country: got 'XX', allowed is an ISO 3166 code such as \"IT\""),
        (
            {"country": "it"},
            "country: got 'it', allowed is an ISO 3166 code such as \"IT\", did you mean 'IT'",
        ),
        (
            {"country": "IT", "subdivision": "B"},
            "subdivision: got 'B', allowed is a subdivision of IT (AG, AL,",
        ),
        ({"subdivision": "BZ"}, "subdivision: got 'BZ', allowed is a subdivision beside a country"),
        ({"country": "IT", "holidays_file": "x.ics"}, "country: got 'IT', allowed is either country or"),
        ({"channels": "chat"}, "channels: got 'chat'"),
        ({"channels": [1]}, "channels: got 1"),
        ({"zone": "UTC"}, "zone: unknown key, did you mean 'timezone'"),
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
    (configured,) = load(path, {}).calendars
    assert configured.shown["holidays_file"] == "it.ics"
    assert configured.calendar.holidays == (date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3))


def test_public_holidays_of_a_country_and_of_a_part_of_it() -> None:
    """Whit Monday is a holiday in South Tyrol only. Days of the list are added."""
    south, italy = calendars(
        {**ROME, "name": "south", "country": "IT", "subdivision": "BZ", "holidays": ["2026-08-14"]},
        {**ROME, "country": "IT"},
    )
    whit_monday, christmas, listed_day = date(2026, 5, 25), date(2026, 12, 25), date(2026, 8, 14)
    assert {whit_monday, christmas, listed_day} <= set(south.holidays)
    assert christmas in italy.holidays
    assert not {whit_monday, listed_day} & set(italy.holidays)


def test_what_a_file_closes_changes_the_hash(tmp_path: Path) -> None:
    """Also half a day."""
    path = tmp_path / "it.ics"
    hashes = set()
    for lines in (
        ("DTSTART:20261224T140000",),
        ("DTSTART:20261224T150000",),
        ("DTSTART;VALUE=DATE:20261224",),
    ):
        end = () if "DATE:" in lines[0] else ("DTEND:20261224T180000",)
        path.write_text(ical(*lines, *end, "UID:1"))
        hashes.add(config_hash(settings(ROME | {"holidays_file": str(path)})))
    assert len(hashes) == 3
