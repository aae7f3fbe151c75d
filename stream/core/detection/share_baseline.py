"""The baseline of shares: which share of contact cycles is overdue, by hour of the week and by day."""

from collections.abc import Sequence
from math import sqrt
from operator import add
from typing import NamedTuple

from stream.core.detection.finding import MONTH_HOURS
from stream.core.detection.profile import (
    DAY,
    MONTH,
    NEIGHBOURS,
    SPREAD_DAYS,
    WEEK,
    is_weekend,
    level_before,
    month_before,
    weeks_before,
)

IN_TIME, OVERDUE = range(2)
"""Positions of the integers of a stream."""
FLOOR = 0.2
"""A finding has a larger share than this. Where the baseline has, there is none."""
PRIOR, PRIOR_MONTH = 8.0, 10.0
"""Outcomes that a prior is worth: that of an hour of the week, and that of the month."""
LIMITS = (0.01, 0.97)
"""Bounds of the share of an hour."""
CORRELATION, UNKNOWN_CORRELATION = (0.02, 0.5), 0.05
"""Bounds of the correlation between the outcomes of an hour or a day, and its value without any pair."""
CLOSED, CLOSED_OUTCOMES, CLOSED_DAYS = 0.8, 4, 3
"""Hours of the day are closed that have this share of overdue cycles, at least so many outcomes together, and on so many days."""


class DayShare(NamedTuple):
    """The expected share of overdue cycles of days, and for how many outcomes it stands."""

    share: float
    strength: float


class ShareBaseline(NamedTuple):
    """The expected share of overdue cycles, and for how many outcomes it stands.

    Attributes:
        begin: the first hour of `shares`, in hours since the epoch
        shares: the expected share of the hours up to the present one
        strength: the number of outcomes for which the share of the present hour stands
        days: the share of the four weeks that ended seven days ago
        a_month: overdue cycles to expect a month, and two
        a_day: the outcomes a day of the 35 days before the day
        month_share: the share of overdue cycles of these days
        has_closed_hours: whether nearly all cycles are overdue at some hours of the day
        first: the first hour of history
        correlation: the correlation between the outcomes of an hour
    """

    begin: int
    shares: Sequence[float]
    strength: float
    days: DayShare
    a_month: float
    a_day: float
    month_share: float
    has_closed_hours: bool
    first: int = 0
    correlation: float = 0.0

    @property
    def hour(self) -> int:
        """The present hour."""
        return self.begin + len(self.shares) - 1

    def share(self, hour: int) -> float:
        """Return the expected share of an hour. Hours outside have that of the nearest one."""
        return self.shares[min(max(hour - self.begin, 0), len(self.shares) - 1)]


def share_baseline(
    overdue: Sequence[int],
    in_time: Sequence[int],
    first: int,
    hour: int,
    before: ShareBaseline | None = None,
) -> ShareBaseline:
    """Return the baseline of a label set at an hour.

    The share at the same hour of the five weeks before, with a beta prior worth eight outcomes at the share of 35 days. The
    correlation between outcomes of an hour is measured over 28 days by moments (J. Fleiss, "Statistical Methods for Rates
    and Proportions", 3rd edition, chapter 15). It takes some 3 ms, and 40 us if only one hour of a day is new.

    Args:
        overdue: overdue cycles of the hours from `first` to before `hour`
        in_time: the others
        first: the first hour of history, in hours since the epoch
        hour: the present hour
        before: the baseline at an earlier hour that `profile.still_holds`, which is extended
    """
    outcomes = [*map(add, overdue, in_time)]
    day = max(hour // DAY * DAY, first)
    begin = max(first, day - SPREAD_DAYS * DAY)
    shares = [] if before is None or begin < before.begin else [*before.shares[begin - before.begin :]]
    of_day, base, strength = -1, 0.0, 0.0
    for h in range(begin + len(shares), hour + 1):
        if h // DAY != of_day:
            of_day = h // DAY
            base = (month_before(overdue, first, h)[0] + 0.5) / (
                month_before(outcomes, first, h)[0] + PRIOR_MONTH
            )
        week_bad, week_all = (weeks_before(n, h - first)[0] / NEIGHBOURS for n in (overdue, outcomes))
        shares.append(min(max((week_bad + PRIOR * base) / (week_all + PRIOR), LIMITS[0]), LIMITS[1]))
        strength = week_all + PRIOR
    if before is not None and shares and before.begin == begin and before.hour // DAY == hour // DAY:
        # all that depends on whole days
        return before._replace(shares=shares, strength=1 / (before.correlation + 1 / strength), first=first)
    correlation = _correlation(
        [(overdue[h - first], outcomes[h - first], shares[h - begin]) for h in range(begin, day)]
    )
    bad, n = (month_before(counts, first, hour)[0] for counts in (overdue, outcomes))
    month = slice(max(day - MONTH - first, 0), day - first)
    return ShareBaseline(
        begin,
        shares,
        1 / (correlation + 1 / strength),
        _day_share(_by_day(overdue, outcomes, first, day)),
        level_before(overdue, first, hour) * MONTH_HOURS + 2,
        level_before(outcomes, first, hour) * DAY,
        bad / max(n, 1),
        _has_closed_hours(overdue[month], outcomes[month], first + month.start),
        first,
        correlation,
    )


def _correlation(spans: Sequence[tuple[int, int, float]], doubt: float = 0.0) -> float:
    """Return the correlation between the outcomes of an hour or a day, less `doubt`.

    `spans` have overdue cycles, all, expected share.
    """
    above = sum((bad - n * p) ** 2 - n * p * (1 - p) for bad, n, p in spans)
    below = sum(n * (n - 1) * p * (1 - p) for _, n, p in spans)
    correlation = above / below - doubt if below > 0 else UNKNOWN_CORRELATION
    return min(max(correlation, CORRELATION[0]), CORRELATION[1])


def _by_day(overdue: Sequence[int], outcomes: Sequence[int], first: int, day: int) -> list[tuple[int, int]]:
    """Return the overdue cycles and all outcomes of the days from 35 to seven days before a day."""
    days: dict[int, tuple[int, int]] = {}
    for h in range(max(first, day - MONTH), day - WEEK):
        bad, n = days.get(h // DAY, (0, 0))
        days[h // DAY] = bad + overdue[h - first], n + outcomes[h - first]
    return list(days.values())


def _day_share(days: Sequence[tuple[int, int]]) -> DayShare:
    """Return the share of some days, as overdue cycles and outcomes.

    The correlation between outcomes of a day is measured as that of an hour, less its standard error
    sqrt(2 / sum n (n - 1)): with five outcomes a day it is known within 0.07 only.
    """
    n = sum(outcomes for _, outcomes in days)
    p = (sum(bad for bad, _ in days) + 0.5) / (n + PRIOR_MONTH)
    pairs = sum(n * (n - 1) for _, n in days)
    correlation = _correlation([(bad, n, p) for bad, n in days], sqrt(2 / pairs) if pairs else 0.0)
    return DayShare(p, 1 / (correlation + 1 / (n + PRIOR_MONTH)))


def _has_closed_hours(overdue: Sequence[int], outcomes: Sequence[int], first: int) -> bool:
    """Return whether nearly all cycles of some hours of working days, or of weekends, are overdue.

    A night in which nobody answers closes no hour, because the outcomes of other days are in time.
    """
    cells: dict[tuple[bool, int], list[int]] = {}
    for h, (bad, n) in enumerate(zip(overdue, outcomes, strict=True), first):
        if n:
            cell = cells.setdefault((is_weekend(h // DAY), h % DAY), [0, 0])
            cell[0] += bad
            cell[1] += n
    closed = {cell for cell, (bad, n) in cells.items() if bad >= CLOSED * n}
    inside = [
        (h // DAY, n)
        for h, n in enumerate(outcomes, first)
        if n and (is_weekend(h // DAY), h % DAY) in closed
    ]
    return sum(n for _, n in inside) >= CLOSED_OUTCOMES and len({day for day, _ in inside}) >= CLOSED_DAYS
