"""Business hours: the business time in an interval, and the moment at which an amount of it has passed.

The local days of a calendar become merged intervals of absolute time. Overlaps therefore count once, and business time
is additive and monotone, also where clocks change. Shifts are given in local wall-clock time. A shift over a change of
the clocks has its real length. A local time that occurs twice means its first occurrence, and a skipped one is read
with the offset before the change (PEP 495, fold 0). A shift belongs to the day on which it begins.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.times import from_ms, to_ms
from stream.core.model.time_buckets import DAY

Shift = tuple[int, int]
"""Start and end in minutes of the local day. A shift past midnight ends after 1,440."""

PERIOD_MS = 64 * DAY
"""Intervals are computed for periods of this length, at their first use."""
MAX_PERIODS_AHEAD = 20 * 365 * DAY // PERIOD_MS
"""Periods that `BusinessHours.after` searches."""
FIRST_DAY = date(1970, 1, 1)
"""There is no business time before this day."""
_FOREVER = 1 << 62
DAY_MARGIN = timedelta(days=3)
"""More than any distance between a local day and the same day in UTC, with a shift past midnight."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a calendar of working hours. It replaces older versions of the same name from `since` on.

    The oldest version also holds before its `since`. `hours` has seven entries from Monday on, each with the shifts
    that begin on that day. No shift begins on one of the `holidays`. `closures` are intervals in ms since the epoch
    that cut every shift, also one that began on the day before. Empty `channels` or `teams` match all tickets,
    including those without a channel or team.
    """

    name: str
    since: date
    timezone: str
    hours: tuple[tuple[Shift, ...], ...]
    holidays: tuple[date, ...] = ()
    closures: tuple[tuple[int, int], ...] = ()
    channels: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def holds(self, channel: str | None, team: str | None) -> bool:
        """Return whether the calendar applies to tickets of a channel and team. None: the ticket has none."""
        return (not self.channels or channel in self.channels) and (not self.teams or team in self.teams)


class Period(NamedTuple):
    """Disjoint intervals in ms, ascending, and the business time in ms up to the end of each."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    worked: tuple[int, ...]

    @property
    def total(self) -> int:
        """The business time in the whole period, in ms."""
        return self.worked[-1] if self.worked else 0

    def worked_until(self, moment: int) -> int:
        """Return the business time in the period up to a moment, in ms."""
        i = bisect_right(self.starts, moment) - 1
        return self.worked[i] - max(0, self.ends[i] - moment) if i >= 0 else 0

    def moment_of(self, amount: int) -> int:
        """Return the moment at which an amount of the period's business time has passed.

        `amount` is in ms, above 0 and at most the total.
        """
        i = bisect_left(self.worked, amount)
        return self.ends[i] - (self.worked[i] - amount)


class BusinessHours:
    """The business hours of all versions of a calendar. Computed periods are cached."""

    def __init__(self, versions: Sequence[Calendar]) -> None:
        ordered = sorted(versions, key=lambda version: version.since)
        self._versions = [(v, ZoneInfo(v.timezone), frozenset(v.holidays)) for v in ordered]
        self._since = [FIRST_DAY, *(v.since for v in ordered[1:])]
        self._closures = _closures_in_force(ordered)
        self._first = to_ms(datetime.combine(FIRST_DAY, time(), UTC)) // PERIOD_MS - 1
        self._periods: dict[int, Period] = {}

    def between(self, start: int, end: int) -> int:
        """Return the business time in ms from `start` to `end` (ms, `start <= end`)."""
        first, last = max(start // PERIOD_MS, self._first), max(end // PERIOD_MS, self._first)
        whole = sum(self._period(number).total for number in range(first, last))
        return whole + self._period(last).worked_until(end) - self._period(first).worked_until(start)

    def after(self, start: int, amount: int) -> int | None:
        """Return the moment at which `amount` (ms, above 0) of business time has passed since `start`.

        None if that takes more than twenty years.
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
        intervals = list(_without(merged, self._closures))
        lengths = (closed - opened for opened, closed in intervals)
        return Period(
            tuple(a for a, _ in intervals), tuple(b for _, b in intervals), tuple(accumulate(lengths))
        )

    def _intervals(self, first: date, last: date) -> Iterator[tuple[int, int]]:
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            if day < FIRST_DAY:
                continue
            version, zone, holidays = self._versions[bisect_right(self._since, day) - 1]
            if day not in holidays:
                midnight = datetime.combine(day, time(), zone)
                for shift in version.hours[day.weekday()]:
                    a, b = (to_ms(midnight + timedelta(minutes=minute)) for minute in shift)
                    yield a, b


def _closures_in_force(versions: Sequence[Calendar]) -> list[tuple[int, int]]:
    """Return the merged closures of all versions (ascending), each as far as its version is in force."""
    starts = [_midnight(version.since, version) for version in versions[1:]]
    clipped = sorted(
        (max(a, begin), min(b, end))
        for version, begin, end in zip(versions, [-_FOREVER, *starts], [*starts, _FOREVER], strict=True)
        for a, b in version.closures
    )
    merged: list[tuple[int, int]] = []
    for a, b in clipped:
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], b))
        elif a < b:
            merged.append((a, b))
    return merged


def _midnight(day: date, version: Calendar) -> int:
    return to_ms(datetime.combine(day, time(), ZoneInfo(version.timezone)))


def _without(
    intervals: Iterable[Sequence[int]], cuts: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield what the cuts leave of intervals. Both are disjoint and ascending."""
    for start, end in intervals:
        begin = start
        i = bisect_right(cuts, begin, key=itemgetter(1))
        while i < len(cuts) and cuts[i][0] < end:
            if begin < cuts[i][0]:
                yield begin, cuts[i][0]
            begin = cuts[i][1]
            i += 1
        if begin < end:
            yield begin, end


def business_hours_of(calendars: Sequence[Calendar]) -> tuple[tuple[Calendar, BusinessHours], ...]:
    """Return each calendar with the business hours of all versions of its name."""
    hours_by_name = {c.name: BusinessHours([v for v in calendars if v.name == c.name]) for c in calendars}
    return tuple((c, hours_by_name[c.name]) for c in calendars)
