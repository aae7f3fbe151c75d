"""Business hours: the list of calendars in the configuration, with holidays by day, file or country."""

import re
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import holidays

from stream.config.ical import FIRST_DAY, LAST_DAY, Closures, closures
from stream.config.setting_types import SettingSource, SettingType, read_file_path, read_text
from stream.core.model.business_hours import Calendar
from stream.core.model.time_zones import ALLOWED, time_zone
from stream.suggestions import did_you_mean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
KEYS = (
    "name",
    "from",
    "timezone",
    "hours",
    "holidays",
    "holidays_file",
    "country",
    "subdivision",
    "channels",
    "teams",
)
ALWAYS = date(1970, 1, 1)

MinuteSpan = tuple[int, int]
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


def _day(value: object, at: SettingSource) -> date:
    try:
        # A date in TOML is a date already. A datetime is a subclass of date, hence `type`.
        return value if type(value) is date else date.fromisoformat(str(value))
    except ValueError:
        at.error(value, 'a day such as "2026-12-25"')
        return ALWAYS


def _list(value: object, at: SettingSource) -> list[Any]:
    if isinstance(value, list):
        return value
    at.error(value, "a list")
    return []


def _span(value: object, at: SettingSource) -> MinuteSpan:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        h, m, until_h, until_m = map(int, match.groups())
        start, end = h * 60 + m, until_h * 60 + until_m
        if max(m, until_m) < 60 and start < MINUTES_A_DAY and end <= MINUTES_A_DAY and start != end:
            return start, end if end > start else end + MINUTES_A_DAY
    at.error(value, 'hours such as "09:00-17:30", "22:00-02:00" or "00:00-24:00"')
    return 0, 0


def _hours(value: object, at: SettingSource) -> tuple[tuple[MinuteSpan, ...], ...]:
    if not isinstance(value, dict) or not any(value.values()) or not set(value) <= set(DAYS):
        at.error(value, 'a table such as {mon = ["09:00-17:30"]} with some of the days ' + ", ".join(DAYS))
        return ((),) * 7
    hours = [
        tuple(sorted(_span(span, at.under(day)) for span in _list(value.get(day, []), at.under(day))))
        for day in DAYS
    ]
    week = [(n * MINUTES_A_DAY + a, n * MINUTES_A_DAY + b) for n, day in enumerate(hours) for a, b in day]
    following = [*week[1:], (week[0][0] + 7 * MINUTES_A_DAY, 0)] if week else []
    for (start, end), (next_start, _) in zip(week, following, strict=True):
        if end > next_start:
            day = at.under(DAYS[start // MINUTES_A_DAY])
            day.error(
                value[DAYS[start // MINUTES_A_DAY]], "hours that do not overlap with the following ones"
            )
    return tuple(hours)


def _timezone(value: object, at: SettingSource) -> str:
    if (zone := time_zone(str(value))) is None:
        at.error(value, ALLOWED)
        return ""
    return zone.key


def _from_file(value: object, timezone: str, at: SettingSource) -> Closures:
    """Return the closures of an iCalendar file."""
    before = len(at.errors)
    path = read_file_path(value, at)
    if len(at.errors) > before or not timezone:
        return Closures([], [])
    try:
        return closures(path.read_bytes(), timezone)
    except ValueError as error:
        at.error(value, f"an iCalendar file (RFC 5545), but {error}")
    except OSError as error:
        at.error(value, f"a file that can be read, but {error}")
    return Closures([], [])


@cache
def _countries() -> dict[str, list[str]]:
    """Return the subdivisions of each country whose public holidays are known."""
    return dict(holidays.list_supported_countries())


def _public_holidays(value: dict[str, object], at: SettingSource) -> list[date]:
    """Return the public holidays of `country` and `subdivision`."""
    country, subdivision = value["country"], value.get("subdivision")
    known = _countries()
    if not isinstance(country, str) or country not in known:
        at.under("country").error(
            country, f'an ISO 3166 code such as "IT"{did_you_mean(str(country).upper(), known)}'
        )
        return []
    allowed = known[country]
    if subdivision is not None and subdivision not in allowed:
        names = ", ".join(allowed) or "none"
        at.under("subdivision").error(
            subdivision,
            f"a subdivision of {country} ({names}){did_you_mean(str(subdivision).upper(), allowed)}",
        )
        return []
    years = range(FIRST_DAY.year, LAST_DAY.year + 1)
    return list(holidays.country_holidays(str(country), subdiv=_code(subdivision), years=years))


def _code(subdivision: object) -> str | None:
    return None if subdivision is None else str(subdivision)


def _closed(value: dict[str, object], timezone: str, at: SettingSource) -> Closures:
    """Return the closures of a calendar by its holidays, file and country."""
    days = {_day(day, at.under("holidays")) for day in _list(value.get("holidays", []), at.under("holidays"))}
    intervals: list[tuple[int, int]] = []
    if "country" in value and "holidays_file" in value:
        at.under("country").error(value["country"], "either country or holidays_file")
    elif "subdivision" in value and "country" not in value:
        at.under("subdivision").error(value["subdivision"], "a subdivision beside a country")
    elif "country" in value:
        days.update(_public_holidays(value, at))
    elif "holidays_file" in value:
        from_file = _from_file(value["holidays_file"], timezone, at.under("holidays_file"))
        days.update(from_file.days)
        intervals = from_file.intervals
    return Closures(sorted(days), intervals)


class ConfiguredCalendar(NamedTuple):
    """A calendar, and how it is printed: as it was given, without the days that files and countries name."""

    calendar: Calendar
    shown: dict[str, Any]


def _calendar(value: object, at: SettingSource) -> ConfiguredCalendar | None:
    if not isinstance(value, dict):
        at.error(value, "a table with the keys " + ", ".join(KEYS))
        return None
    at.refuse_unknown_keys(value, KEYS)
    timezone = _timezone(value.get("timezone"), at.under("timezone"))
    closed = _closed(value, timezone, at)
    selected = {key: _list(value.get(key, []), at.under(key)) for key in ("channels", "teams")}
    for key, names in selected.items():
        for name in names:
            read_text(name, at.under(key))
    calendar = Calendar(
        name=str(read_text(value.get("name"), at.under("name"))),
        since=_day(value.get("from", ALWAYS), at.under("from")),
        timezone=timezone,
        hours=_hours(value.get("hours"), at.under("hours")),
        holidays=tuple(closed.days),
        closures=tuple(closed.intervals),
        channels=tuple(selected["channels"]),
        teams=tuple(selected["teams"]),
    )
    return ConfiguredCalendar(calendar, _shown(calendar, value))


def _calendars(value: object, at: SettingSource) -> tuple[ConfiguredCalendar, ...]:
    seen: dict[tuple[str, date], ConfiguredCalendar] = {}
    for position, raw in enumerate(_list(value, at)):
        here = at.under(str(position))
        if (configured := _calendar(raw, here)) is None:
            continue
        calendar = configured.calendar
        if (calendar.name, calendar.since) in seen:
            here.error(calendar.name, f"only one calendar with this name from {calendar.since} on")
        seen[calendar.name, calendar.since] = configured
    return tuple(seen.values())


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _show_span(start: int, end: int) -> str:
    return f"{_clock(start)}-{_clock(end if end <= MINUTES_A_DAY else end - MINUTES_A_DAY)}"


def _shown(calendar: Calendar, given: dict[str, object]) -> dict[str, Any]:
    days = zip(DAYS, calendar.hours, strict=True)
    named: dict[str, Any] = {
        key: given[key] for key in ("holidays_file", "country", "subdivision") if key in given
    }
    listed = given.get("holidays", [])
    return {
        "name": calendar.name,
        "from": calendar.since.isoformat(),
        "timezone": calendar.timezone,
        "hours": {day: [_show_span(*span) for span in spans] for day, spans in days if spans},
        "holidays": sorted(str(day) for day in listed) if isinstance(listed, list) else [],
        **named,
        "channels": list(calendar.channels),
        "teams": list(calendar.teams),
    }


calendars = SettingType(_calendars, lambda value: [configured.shown for configured in value], json=True)
