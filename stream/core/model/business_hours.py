"""Business hours: how much of a stretch of time is worked, and when an amount of work is done.

The local days of a calendar become intervals of absolute time, merged, so that overlaps count once and the arithmetic
is a measure: additive and monotone, also where clocks change. Hours are those that the clock on the wall shows: a
shift over a change of the clocks is as long as it really is; of a time that occurs twice the first counts, one that is
skipped is read by the clock as it went before (PEP 495, fold 0). A shift belongs to the day on which it begins.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.times import from_ms, to_ms
from stream.core.model.time_buckets import DAY

Shift = tuple[int, int]
"""Start and end in minutes of the local day; one past midnight ends after 1,440."""

PERIOD_MS = 64 * DAY
"""Intervals are worked out for stretches of this length, when first asked for."""
MAX_PERIODS_AHEAD = 20 * 365 * DAY // PERIOD_MS
"""Periods that `Hours.after` looks ahead."""
FIRST_DAY = date(1970, 1, 1)
"""There is no business time before this day."""
DAY_MARGIN = timedelta(days=3)
"""More than any distance between a local day and the same day in UTC, with a shift past midnight."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """When people work. Of one name, the calendar with the latest `since` that has come is in force.

    `hours` has seven entries from Monday on, each with the shifts that begin on that day; none begins on one of
    the `holidays`. No `channels` or no `teams` stands for all of them, also for tickets without one.
    """

    name: str
    since: date
    timezone: str
    hours: tuple[tuple[Shift, ...], ...]
    holidays: tuple[date, ...] = ()
    channels: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def holds(self, channel: str | None, team: str | None) -> bool:
        """Whether it holds for a ticket of this channel and team."""
        return (not self.channels or channel in self.channels) and (not self.teams or team in self.teams)


class Period(NamedTuple):
    """Disjoint intervals in ms, ascending, and how much is worked up to the end of each."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    worked: tuple[int, ...]

    @property
    def total(self) -> int:
        """What is worked in all of it."""
        return self.worked[-1] if self.worked else 0

    def worked_until(self, at: int) -> int:
        """What is worked in it up to a moment."""
        i = bisect_right(self.starts, at) - 1
        return self.worked[i] - max(0, self.ends[i] - at) if i >= 0 else 0

    def moment_of(self, amount: int) -> int:
        """When an amount of it, above 0 and up to the total, is worked."""
        i = bisect_left(self.worked, amount)
        return self.ends[i] - (self.worked[i] - amount)


class BusinessHours:
    """A calendar in all its versions. What was worked out is kept: this is a function, told faster."""

    def __init__(self, versions: Sequence[Calendar]) -> None:
        ordered = sorted(versions, key=lambda version: version.since)
        self._versions = [(v, ZoneInfo(v.timezone), frozenset(v.holidays)) for v in ordered]
        self._since = [max(v.since, FIRST_DAY) for v in ordered]
        self._first = to_ms(datetime.combine(self._since[0], time(), UTC)) // PERIOD_MS - 1
        self._periods: dict[int, Period] = {}

    def between(self, start: int, end: int) -> int:
        """Business time in ms from `start` to `end` (ms, `start <= end`).

        There is none before the first version.
        """
        first, last = max(start // PERIOD_MS, self._first), max(end // PERIOD_MS, self._first)
        whole = sum(self._period(number).total for number in range(first, last))
        return whole + self._period(last).worked_until(end) - self._period(first).worked_until(start)

    def after(self, start: int, amount: int) -> int | None:
        """The moment at which `amount` (ms, above 0) of business time since `start` is over.

        None: not within twenty years.
        """
        first = max(start // PERIOD_MS, self._first)
        amount += self._period(first).worked_until(start)
        for number in range(first, first + MAX_PERIODS_AHEAD):
            period = self._period(number)
            if amount <= period.total:
                return period.moment_of(amount)
            amount -= period.total
        return None

    def _period(self, number: int) -> Period:
        if (period := self._periods.get(number)) is None:
            period = self._periods[number] = self._compute_period(number * PERIOD_MS)
        return period

    def _compute_period(self, start: int) -> Period:
        end = start + PERIOD_MS
        merged: list[list[int]] = []
        for a, b in sorted(
            self._intervals(from_ms(start).date() - DAY_MARGIN, from_ms(end).date() + DAY_MARGIN)
        ):
            opened, closed = max(a, start), min(b, end)
            if merged and opened <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], closed)
            elif opened < closed:
                merged.append([opened, closed])
        lengths = (closed - opened for opened, closed in merged)
        return Period(tuple(a for a, _ in merged), tuple(b for _, b in merged), tuple(accumulate(lengths)))

    def _intervals(self, first: date, last: date) -> Iterator[tuple[int, int]]:
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            if (i := bisect_right(self._since, day) - 1) < 0:
                continue
            version, zone, holidays = self._versions[i]
            if day not in holidays:
                midnight = datetime.combine(day, time(), zone)
                for shift in version.hours[day.weekday()]:
                    a, b = (to_ms(midnight + timedelta(minutes=minute)) for minute in shift)
                    yield a, b


def business_hours_of(calendars: Sequence[Calendar]) -> tuple[tuple[Calendar, BusinessHours], ...]:
    """Each calendar with the hours of all the versions of its name."""
    names = {c.name: BusinessHours([v for v in calendars if v.name == c.name]) for c in calendars}
    return tuple((c, names[c.name]) for c in calendars)
