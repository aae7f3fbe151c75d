"""Closures from an iCalendar file (RFC 5545). Libraries read it: rules, exceptions, overrides and time zones."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar

from schemas.times import to_ms

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2059, 12, 31)
"""Recurring events are expanded between these days, so that figures do not depend on when a worker was started."""
MAX_BYTES = 4 << 20
MAX_OCCURRENCES = 30_000
"""More than one on each day of the range."""
_UNBOUNDED = {"SECONDLY", "MINUTELY", "HOURLY"}


class Closures(NamedTuple):
    """Whole days, on which no shift begins, and intervals in ms since the epoch that cut every shift."""

    days: list[date]
    intervals: list[tuple[int, int]]


def closures(raw: bytes, timezone: str) -> Closures:
    """Return what the events of a file close. Times without a zone are in `timezone`.

    Cancelled and transparent events close nothing.

    Raises:
        ValueError: the file cannot be read, with the reason
    """
    if len(raw) > MAX_BYTES:
        raise ValueError(f"it has {len(raw)} bytes, {MAX_BYTES} are allowed")
    text = raw.decode("utf-8-sig")
    zone = ZoneInfo(timezone)
    days: set[date] = set()
    intervals: set[tuple[int, int]] = set()
    try:
        calendars = Calendar.from_ical(text, multiple=True)
        for calendar in calendars:
            _check(calendar)
            for start, end in _occurrences(calendar):
                if isinstance(start, datetime):
                    intervals.add((_moment(start, zone), _moment(end, zone)))
                else:
                    days.update(_whole_days(start, end))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not calendars:
        raise ValueError("BEGIN:VCALENDAR is missing")
    return Closures(sorted(days), sorted(span for span in intervals if span[0] < span[1]))


def _check(calendar: Any) -> None:
    """Raise ValueError for what the libraries would skip or never finish."""
    if calendar.name != "VCALENDAR":
        raise ValueError(f"it begins with {calendar.name}, not with VCALENDAR")
    for event in calendar.walk("VEVENT"):
        name = f"the event {str(event.get('SUMMARY', event.get('UID', '')))[:60]!r}"
        if event.errors:
            field, problem = event.errors[0]
            raise ValueError(f"{name}: {field}: {problem}")
        if "DTSTART" not in event:
            raise ValueError(f"{name}: DTSTART is missing")
        rules = event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            if _UNBOUNDED.intersection(rule.get("FREQ", [])):
                raise ValueError(f"{name}: RRULE: FREQ {rule['FREQ'][0]}, allowed is DAILY or less often")


def _occurrences(calendar: Any) -> Iterator[tuple[date, date]]:
    """Yield start and end of the occurrences that close something, both dates or both datetimes."""
    found: Iterable[Any] = recurring_ical_events.of(calendar).after(FIRST_DAY)
    for n, event in enumerate(found):
        start = event.start
        if (start.date() if isinstance(start, datetime) else start) > LAST_DAY:
            return
        if n >= MAX_OCCURRENCES:
            raise ValueError(f"its events occur more than {MAX_OCCURRENCES} times up to {LAST_DAY}")
        status, transparency = (str(event.get(name, "")).upper() for name in ("STATUS", "TRANSP"))
        if status != "CANCELLED" and transparency != "TRANSPARENT":
            yield start, event.end


def _moment(time: date, zone: ZoneInfo) -> int:
    if not isinstance(time, datetime):
        raise ValueError(f"DTEND {time} has no time of day, DTSTART has one")  # noqa: TRY004 - of the file
    return to_ms(time if time.tzinfo else time.replace(tzinfo=zone))


def _whole_days(start: date, end: date) -> Iterator[date]:
    """Yield the days from `start` to before `end`, at least the first, as far as they are in the range."""
    day, last = max(start, FIRST_DAY), min(max(end, start + timedelta(days=1)), LAST_DAY)
    while day < last:
        yield day
        day += timedelta(days=1)
