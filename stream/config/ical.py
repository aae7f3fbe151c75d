"""Holidays from an iCalendar file (RFC 5545): whole days, once or every year."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

LAST_YEAR = 2099
"""The last year for which a yearly holiday without an end is generated."""

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY = timedelta(days=1)


def holidays(text: str) -> list[date]:
    """Return all days that the VEVENTs cover, in order. Raises ValueError with the part that cannot be read."""
    return sorted({day for event in _events(text) for day in _days(event)})


def _events(text: str) -> Iterator[dict[str, str]]:
    if "BEGIN:VCALENDAR" not in text:
        raise ValueError("BEGIN:VCALENDAR is missing")
    event: dict[str, str] | None = None
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            event = {}
        elif line == "END:VEVENT" and event is not None:
            yield event
            event = None
        elif event is not None:
            event[name.partition(";")[0].upper()] = value.strip()


def _date(text: str) -> date:
    match = _DATE.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date")
    return date(int(match[1]), int(match[2]), int(match[3]))


def _days(event: dict[str, str]) -> Iterator[date]:
    start = _date(event.get("DTSTART", ""))
    length = max(_date(event["DTEND"]) - start, _DAY) if "DTEND" in event else _DAY
    for first in _starts(start, event.get("RRULE", "")):
        for n in range(length.days):
            yield first + n * _DAY


def _starts(start: date, rule: str) -> Iterator[date]:
    if not rule:
        yield start
        return
    parts = dict(part.split("=", 1) for part in rule.upper().split(";") if "=" in part)
    # Parts that repeat the day of DTSTART are redundant. All others would move the holiday.
    redundant = {"BYMONTH": str(start.month), "BYMONTHDAY": str(start.day), "INTERVAL": "1"}
    unsupported = {
        k for k, v in parts.items() if k not in ("FREQ", "UNTIL", "COUNT", "WKST") and redundant.get(k) != v
    }
    if parts.get("FREQ") != "YEARLY" or unsupported:
        raise ValueError(f"the rule {rule!r} does not stand for the same day of every year")
    last = _date(parts["UNTIL"]) if "UNTIL" in parts else date(LAST_YEAR, 12, 31)
    remaining = int(parts.get("COUNT", LAST_YEAR))
    for year in range(start.year, last.year + 1):
        leap_only = (start.month, start.day) == (2, 29) and not _leap(year)
        if remaining and not leap_only and (day := start.replace(year=year)) <= last:
            remaining -= 1
            yield day


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
