"""Settings of the definitions: windows, views, targets and calendars, and the same as environment variables."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
WINDOWS = {"5m": 5 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
VIEWS = {
    "total": (),
    "channel": ("channel",),
    "team": ("team",),
    "priority": ("priority",),
    "subject": ("ticket_topic",),
    "pair": ("channel", "team"),
    "touchpoint": ("touchpoint",),
    "brand": ("brand",),
}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Target:
    """A duration in ms, of business time or of calendar time."""

    duration: int
    business: bool = False


@dataclass(frozen=True)
class Calendar:
    """Shifts such as `"09:00-18:00"` by weekday. Empty `channels` or `teams` mean all.

    Of calendars with the same name, each replaces the others from the day `start` on, the first one also before.
    """

    name: str
    timezone: str
    hours: tuple[tuple[str, tuple[str, ...]], ...]
    holidays: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    start: str = "2026-01-01"

    def holds_for(self, dimensions: dict[str, str]) -> bool:
        """Return whether the calendar is that of a ticket with these dimensions, unless an earlier one is."""
        return (not self.channels or dimensions.get("channel") in self.channels) and (
            not self.teams or dimensions.get("team") in self.teams
        )

    def table(self) -> dict[str, Any]:
        """Return the entry of the setting `calendars`."""
        return {
            "name": self.name,
            "from": self.start,
            "timezone": self.timezone,
            "hours": {day: list(shifts) for day, shifts in self.hours},
            "holidays": list(self.holidays),
            "channels": list(self.channels),
            "teams": list(self.teams),
        }


@dataclass(frozen=True)
class Settings:
    """Everything that figures depend on besides events. `targets` has keys such as `chat/urgent`, `chat`, `*/urgent`."""

    targets: dict[str, Target] = field(default_factory=dict)
    calendars: tuple[Calendar, ...] = ()
    default_target: Target = Target(HOUR)
    queue_target: int = 20 * SECOND
    windows: dict[str, int] = field(default_factory=lambda: dict(WINDOWS))
    retention: int = 75 * DAY

    @property
    def longest_window(self) -> int:
        return max(self.windows.values())

    def target_for(self, dimensions: dict[str, str]) -> Target:
        """Return the target of a channel and a priority."""
        channel, priority = dimensions.get("channel"), dimensions.get("priority")
        for key in (f"{channel}/{priority}", f"{channel}", f"*/{priority}"):
            if key in self.targets:
                return self.targets[key]
        return self.default_target

    def business_ms(self, dimensions: dict[str, str], start: int, end: int) -> int | None:
        """Return the business time of a period in the calendar for these dimensions, or None without one."""
        for calendar in self.calendars:
            if calendar.holds_for(dimensions):
                versions = [other for other in self.calendars if other.name == calendar.name]
                return business_ms(versions, start, end)
        return None

    def judged_ms(self, dimensions: dict[str, str], start: int, end: int) -> int:
        """Return the time that counts for the target: business time if the target names it and a calendar holds."""
        business = self.business_ms(dimensions, start, end)
        if self.target_for(dimensions).business and business is not None:
            return business
        return end - start

    def env(self) -> dict[str, str]:
        """Return the settings as environment variables."""
        targets = {
            key: {"duration": f"{target.duration // SECOND}s", "hours": "business"}
            if target.business
            else f"{target.duration // SECOND}s"
            for key, target in self.targets.items()
        }
        return {
            "CXGAUGE_METRICS_WINDOWS": json.dumps(list(self.windows)),
            "CXGAUGE_TOPICS_RETENTION": f"{self.retention // DAY}d",
            "CXGAUGE_METRICS_VIEWS": json.dumps(VIEWS),
            "CXGAUGE_FRT_TARGETS": json.dumps(targets),
            "CXGAUGE_FRT_TARGET": f"{self.default_target.duration // SECOND}s",
            "CXGAUGE_QUEUE_TARGET": f"{self.queue_target // SECOND}s",
            "CXGAUGE_CALENDARS": json.dumps([calendar.table() for calendar in self.calendars]),
        }


def business_ms(versions: list[Calendar], start: int, end: int) -> int:
    """Return the ms of a period that lie in shifts, day by day. Shifts must not overlap."""
    versions = sorted(versions, key=lambda version: version.start)
    zone = ZoneInfo(versions[0].timezone)
    day = datetime.fromtimestamp(start / 1000, zone).date() - timedelta(days=2)
    last = datetime.fromtimestamp(end / 1000, zone).date() + timedelta(days=2)
    total = 0
    while day <= last:
        begun = [version for version in versions if version.start <= day.isoformat()]
        for opens, closes in shifts_of(begun[-1] if begun else versions[0], day):
            total += max(0, min(closes, end) - max(opens, start))
        day += timedelta(days=1)
    return total


@cache
def shifts_of(calendar: Calendar, day: date) -> list[tuple[int, int]]:
    """Return the shifts that begin on a day, in ms. One that ends at or before its start ends on the next day."""
    if day.isoformat() in calendar.holidays:
        return []
    shifts = []
    for text in dict(calendar.hours).get(_WEEKDAYS[day.weekday()], ()):
        first, last = (time.fromisoformat(part) for part in text.split("-"))
        next_day = day + timedelta(days=int(last <= first))
        shifts.append((_ms(day, first, calendar), _ms(next_day, last, calendar)))
    return shifts


def _ms(day: date, clock: time, calendar: Calendar) -> int:
    return int(datetime.combine(day, clock, ZoneInfo(calendar.timezone)).timestamp() * 1000)
