"""Periods of whole hours in the past: days, weeks and months of a time zone, or from one moment to another."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from schemas.times import from_ms, to_ms
from stream.core.model.time_buckets import HOUR

PeriodName = Literal["today", "yesterday", "this-week", "last-week", "this-month", "last-month"]
PERIODS: tuple[PeriodName, ...] = get_args(PeriodName)


class Hours(NamedTuple):
    """The hours from `start` to `end` (ms since the epoch, the end is outside)."""

    start: int
    end: int

    @property
    def buckets(self) -> tuple[int, int]:
        """The numbers of the first and the last hour since the epoch."""
        return self.start // HOUR, self.end // HOUR - 1


class ComparedPeriod(NamedTuple):
    """A period and the one before it."""

    hours: Hours
    before: Hours


def named_period(name: PeriodName, zone: ZoneInfo, now: int) -> ComparedPeriod:
    """Return a period of the calendar of a time zone at `now` (ms). Weeks begin on Monday.

    The present day, week and month end with the last whole hour. They are compared with the same part of the one before,
    which ends at the same time of the clock, or with its whole if it is shorter.

    Raises ValueError if it has no whole hour yet, or does not begin and end with an hour of UTC.
    """
    begins = _BEGINS[name.rpartition("-")[2]]
    present_hour = now // HOUR * HOUR
    local = from_ms(present_hour).astimezone(zone)
    first_days = [begins(local.date(), back) for back in range(3)]
    starts = [_moment(datetime.combine(day, time()), zone) for day in first_days]
    if name in ("yesterday", "last-week", "last-month"):
        period = ComparedPeriod(Hours(starts[1], starts[0]), Hours(starts[2], starts[1]))
    else:
        elapsed = local.replace(tzinfo=None) - datetime.combine(first_days[0], time())
        same_time = _moment(datetime.combine(first_days[1], time()) + elapsed, zone)
        period = ComparedPeriod(Hours(starts[0], present_hour), Hours(starts[1], min(same_time, starts[0])))
        if present_hour <= starts[0]:
            raise ValueError(f"{name} has no whole hour yet in {zone.key}")
    return _checked(period, zone)


def period_between(begin: datetime, end: datetime, zone: ZoneInfo, now: int) -> ComparedPeriod:
    """Return the period between two moments, and the one of the same length before. Times without an offset are local.

    Raises ValueError if it is empty, ends after the last whole hour before `now` (ms), or does not begin and end with an
    hour of UTC.
    """
    start, stop = (
        _moment(moment, zone) if moment.tzinfo is None else to_ms(moment) for moment in (begin, end)
    )
    if stop <= start:
        raise ValueError("the period is empty" if stop == start else "the period ends before it begins")
    if stop > now // HOUR * HOUR:
        last = from_ms(now // HOUR * HOUR).astimezone(zone).isoformat(timespec="minutes")
        raise ValueError(f"the period ends in the future, whole hours end at {last}")
    return _checked(ComparedPeriod(Hours(start, stop), Hours(2 * start - stop, start)), zone)


def _moment(local: datetime, zone: ZoneInfo) -> int:
    """Return a local time in ms. One that a change of the clock skips is meant in the time before the change."""
    return to_ms(local.replace(tzinfo=zone))


def _checked(period: ComparedPeriod, zone: ZoneInfo) -> ComparedPeriod:
    for hours in period:
        for moment in hours:
            try:
                at = from_ms(moment)
                local = at.astimezone(zone)
            except OverflowError as error:
                raise ValueError("the years are 1 to 9999") from error
            if moment % HOUR:
                raise ValueError(
                    f"{local:%Y-%m-%d %H:%M} in {zone.key} is {at:%H:%M} in UTC. Figures of a period are sums "
                    "of whole hours of UTC, choose a time zone or times that are"
                )
    return period


def _day(day: date, back: int) -> date:
    return day - timedelta(days=back)


def _week(day: date, back: int) -> date:
    return day - timedelta(days=day.weekday() + 7 * back)


def _month(day: date, back: int) -> date:
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


_BEGINS: dict[str, Callable[[date, int], date]] = {
    "today": _day,
    "yesterday": _day,
    "week": _week,
    "month": _month,
}
"""Functions that return the first day of the unit that contains a day, or of an earlier one."""
