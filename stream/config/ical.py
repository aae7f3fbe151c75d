"""Closures from an iCalendar file (RFC 5545). Libraries read it: rules, exceptions, overrides and time zones."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, vDuration
from icalendar.parser import Contentlines

from schemas.times import to_ms

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2059, 12, 31)
"""Recurring events are expanded between these days, so that figures do not depend on when a worker was started."""
MAX_BYTES = 4 << 20
MAX_EVENTS = 2_000
"""Each may occur on every day of the range, which takes half a second."""
_TIMED_DURATION = re.compile(r"DURATION(?:;[^:]*)?:(.*T.*)", re.IGNORECASE)
_KEPT_DURATION = "X-CXGAUGE-DURATION"
"""A property that the libraries leave alone. Of DURATION they keep an end by the local clock."""
_unfold: Callable[[str], list[str]] = Contentlines.from_ical
_duration: Callable[[str], timedelta] = vDuration.from_ical
_UNBOUNDED = {"SECONDLY", "MINUTELY", "HOURLY"}


class Closures(NamedTuple):
    """Whole days, on which no shift begins, and intervals in ms since the epoch that cut every shift."""

    days: list[date]
    intervals: list[tuple[int, int]]


def closures(raw: bytes, timezone: str) -> Closures:
    """Return the closures by the events of a file. Times without a zone are in `timezone`.

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
        calendars = Calendar.from_ical(_with_kept_durations(text), multiple=True)
        for calendar in calendars:
            _check(calendar)
            for event in _occurrences(calendar):
                if isinstance(event.start, datetime):
                    intervals.add((_moment(event.start, zone), _end(event, zone)))
                else:
                    days.update(_whole_days(event.start, event.end))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not calendars:
        raise ValueError("BEGIN:VCALENDAR is missing")
    return Closures(sorted(days), sorted(span for span in intervals if span[0] < span[1]))


def _with_kept_durations(text: str) -> str:
    """Return the file with a copy of every duration that has a part in hours, minutes or seconds."""
    lines = []
    for line in _unfold(text):
        lines.append(line)
        if (duration := _TIMED_DURATION.fullmatch(line)) is not None:
            lines.append(f"{_KEPT_DURATION}:{duration[1]}")
    return "\r\n".join(lines)


def _check(calendar: Any) -> None:
    """Raise ValueError for events that the libraries would skip or never finish."""
    if calendar.name != "VCALENDAR":
        raise ValueError(f"it begins with {calendar.name}, not with VCALENDAR")
    events = calendar.walk("VEVENT")
    if len(events) > MAX_EVENTS:
        raise ValueError(f"it has {len(events)} events, {MAX_EVENTS} are allowed")
    for event in events:
        name = f"the event {str(event.get('SUMMARY', event.get('UID', '')))[:60]!r}"
        if event.errors:
            field, problem = event.errors[0]
            raise ValueError(f"{name}: {field}: {problem}")
        if "DTSTART" not in event:
            raise ValueError(f"{name}: DTSTART is missing")
        _check_times(event, name)
        rules = event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            if _UNBOUNDED.intersection(rule.get("FREQ", [])):
                raise ValueError(f"{name}: RRULE: FREQ {rule['FREQ'][0]}, allowed is DAILY or less often")
            if any(interval < 1 for interval in rule.get("INTERVAL", [])):  # it would never end
                raise ValueError(f"{name}: RRULE: INTERVAL {rule['INTERVAL'][0]}, allowed is 1 or more")


def _occurrences(calendar: Any) -> Iterator[Any]:
    """Yield the occurrences that close something."""
    occurrences: list[Any] = recurring_ical_events.of(calendar).between(
        FIRST_DAY, LAST_DAY + timedelta(days=1)
    )
    for event in occurrences:
        status, transparency = (str(event.get(name, "")).upper() for name in ("STATUS", "TRANSP"))
        if status != "CANCELLED" and transparency != "TRANSPARENT":
            yield event


def _check_times(event: Any, name: str) -> None:
    """Raise ValueError for an unknown time zone, and for an end before the start."""
    for field in ("DTSTART", "DTEND"):
        value = event.get(field)
        zone = None if value is None else value.params.get("TZID")
        if zone is not None and isinstance(value.dt, datetime) and value.dt.tzinfo is None:
            raise ValueError(f"{name}: {field}: the time zone {zone!r} is unknown")
    if "DTEND" in event and type(event.start) is type(event.end) and event.end < event.start:
        raise ValueError(f"{name}: DTEND {event.end} is before DTSTART {event.start}")


def _end(event: Any, zone: ZoneInfo) -> int:
    """Return the end of an occurrence in ms. The days of a duration are nominal, the rest is exact (RFC 5545, 3.3.6)."""
    kept = event.get(_KEPT_DURATION)
    if kept is None:
        return _moment(event.end, zone)
    days, _, time = str(kept).partition("T")
    nominal = timedelta(0) if days.endswith("P") else _duration(days)
    return _moment(event.start + nominal, zone) + _duration(f"PT{time}") // timedelta(milliseconds=1)


def _moment(time: date, zone: ZoneInfo) -> int:
    if not isinstance(time, datetime):
        raise ValueError(f"DTEND {time} has no time of day, DTSTART has one")  # noqa: TRY004 - of the file
    return to_ms(time if time.tzinfo else time.replace(tzinfo=zone))


def _whole_days(start: date, end: date) -> Iterator[date]:
    """Yield the days from `start` to before `end`, at least the first, as far as they are in the range."""
    day, last = max(start, FIRST_DAY), min(max(end, start + timedelta(days=1)), LAST_DAY + timedelta(days=1))
    while day < last:
        yield day
        day += timedelta(days=1)
