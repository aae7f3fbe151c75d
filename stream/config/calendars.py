"""Business hours: the list of calendars in the configuration."""

import re
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from stream.config.ical import holidays
from stream.config.setting_types import SettingSource, SettingType, read_file_path, read_text
from stream.core.model.business_hours import Calendar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
KEYS = ("name", "from", "timezone", "hours", "holidays", "holidays_file", "channels", "teams")
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
    try:
        return ZoneInfo(str(value)).key
    except (OSError, ValueError, LookupError):
        at.error(value, 'a name of the tz database such as "Europe/Rome"')
        return ""


def _from_file(value: object, at: SettingSource) -> list[date]:
    before = len(at.errors)
    path = read_file_path(value, at)
    if len(at.errors) > before:
        return []
    try:
        return holidays(path.read_text(encoding="utf-8"))
    except ValueError as error:
        at.error(value, f"an iCalendar file with whole days, but {error}")
        return []


def _calendar(value: object, at: SettingSource) -> Calendar | None:
    if not isinstance(value, dict):
        at.error(value, "a table with the keys " + ", ".join(KEYS))
        return None
    for key in sorted(value.keys() - set(KEYS)):
        at.under(key).error(value[key], "one of the keys " + ", ".join(KEYS))
    days = {_day(day, at.under("holidays")) for day in _list(value.get("holidays", []), at.under("holidays"))}
    if "holidays_file" in value:
        days.update(_from_file(value["holidays_file"], at.under("holidays_file")))
    selected = {key: _list(value.get(key, []), at.under(key)) for key in ("channels", "teams")}
    for key, names in selected.items():
        for name in names:
            read_text(name, at.under(key))
    return Calendar(
        name=str(read_text(value.get("name"), at.under("name"))),
        since=_day(value.get("from", ALWAYS), at.under("from")),
        timezone=_timezone(value.get("timezone"), at.under("timezone")),
        hours=_hours(value.get("hours"), at.under("hours")),
        holidays=tuple(sorted(days)),
        channels=tuple(selected["channels"]),
        teams=tuple(selected["teams"]),
    )


def _calendars(value: object, at: SettingSource) -> tuple[Calendar, ...]:
    seen: dict[tuple[str, date], Calendar] = {}
    for position, raw in enumerate(_list(value, at)):
        here = at.under(str(position))
        if (calendar := _calendar(raw, here)) is None:
            continue
        if (calendar.name, calendar.since) in seen:
            here.error(calendar.name, f"only one calendar with this name from {calendar.since} on")
        seen[calendar.name, calendar.since] = calendar
    return tuple(seen.values())


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _show_span(start: int, end: int) -> str:
    return f"{_clock(start)}-{_clock(end if end <= MINUTES_A_DAY else end - MINUTES_A_DAY)}"


def _show(calendar: Calendar) -> dict[str, Any]:
    days = zip(DAYS, calendar.hours, strict=True)
    return {
        "name": calendar.name,
        "from": calendar.since.isoformat(),
        "timezone": calendar.timezone,
        "hours": {day: [_show_span(*span) for span in spans] for day, spans in days if spans},
        "holidays": [day.isoformat() for day in calendar.holidays],
        "channels": list(calendar.channels),
        "teams": list(calendar.teams),
    }


calendars = SettingType(_calendars, lambda value: [_show(calendar) for calendar in value], json=True)
