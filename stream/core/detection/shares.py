"""Shares that are higher than their baseline: contact cycles whose target passes before the reply."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from stream.core.detection.finding import MONTH_HOURS, Finding, more_certain
from stream.core.detection.profile import (
    DAY,
    NEIGHBOURS,
    SPREAD_DAYS,
    level_before,
    month_before,
    smoothed,
    weeks_before,
)
from stream.core.detection.stream_events import Span, StreamEvents
from stream.core.detection.tails import beta_binomial_upper
from stream.core.model.time_buckets import HOUR, MINUTE

IN_TIME, OVERDUE = range(2)
"""Positions of the integers of a stream."""
WINDOWS = tuple(minutes * MINUTE for minutes in (15, 30, 60, 120, 240, 480, 1440))
"""Windows that end with a burst of overdue cycles."""
LONG_WINDOWS = tuple(days * DAY * HOUR for days in (1, 3, 7))
"""Windows for label sets with few outcomes. They need no burst."""
RARE = 12
"""Outcomes a day up to which they are few. If there are more and all are late, two within half an hour come soon."""
LAST_MINUTES = 5
"""Minutes within which the newest overdue cycle of a burst must be."""
RECENT, NEWEST = 4, 4
"""In the newest part of this size of a long window, so many of the newest outcomes also have a larger share than `FLOOR`, so
that a finding ends."""
LEAST = 4
"""Least number of overdue cycles in a window."""
FLOOR = 0.2
"""A finding has a larger share than this in its window. A burst also has it in the last half hour, so that it ends."""
MOST = 2000
"""Outcomes that are added up one by one. More say no more, because the outcomes of an hour are correlated."""
PRIOR, PRIOR_MONTH = 8.0, 10.0
"""Outcomes that a prior is worth: that of an hour of the week, and that of the month."""
LIMITS, LIMITS_OF_WINDOW = (0.01, 0.97), (0.01, 0.985)
"""Bounds of a baseline."""
CORRELATION = (0.02, 0.5)
"""Bounds of the correlation between the outcomes of an hour."""


class ShareBaseline(NamedTuple):
    """The expected share of overdue cycles by hour, and for how many outcomes it stands.

    Attributes:
        begin: the first hour of `shares`, in hours since the epoch
        shares: the expected share of the hours up to the present one
        strength: the number of outcomes for which the share of the present hour stands
        strength_of_days: the same of the share of days
        a_month: overdue cycles to expect a month, and two
        month_share: the share of overdue cycles of the 35 days before the day
        a_day: the outcomes a day of these days
    """

    begin: int
    shares: Sequence[float]
    strength: float
    strength_of_days: float
    a_month: float
    month_share: float
    a_day: float

    def share(self, hour: int) -> float:
        """Return the expected share of an hour. Hours outside have that of the nearest one."""
        return self.shares[min(max(hour - self.begin, 0), len(self.shares) - 1)]


def share_baseline(overdue: Sequence[int], in_time: Sequence[int], first: int, hour: int) -> ShareBaseline:
    """Return the baseline of a label set at an hour.

    The share at the same hour of the five weeks before, with a beta prior worth eight outcomes at the share of 35 days. The
    correlations between the outcomes of an hour and of a day are measured over 28 days by moments (J. Fleiss, "Statistical
    Methods for Rates and Proportions", 3rd edition, chapter 15). Strength is 1 / (correlation + 1 / known outcomes): those of the
    hour of the week, and for days those of 35 days. It takes some 2.5 ms, once an hour and label set with overdue cycles.

    Args:
        overdue: overdue cycles of the hours from `first` to before `hour`
        in_time: the others
        first: the first hour of history, in hours since the epoch
        hour: the present hour
    """
    outcomes = [bad + good for bad, good in zip(overdue, in_time, strict=True)]
    smooth_bad, smooth_all = smoothed(overdue), smoothed(outcomes)
    sums_bad, sums_all = [0, *accumulate(overdue)], [0, *accumulate(outcomes)]
    day = max(hour // DAY * DAY, first)
    begin = max(first, day - SPREAD_DAYS * DAY)
    shares = []
    strength = 0.0
    for h in range(begin, hour + 1):
        bad, n = (month_before(sums, first, h)[0] for sums in (sums_bad, sums_all))
        base = (bad + 0.5) / (n + PRIOR_MONTH)
        week_bad, week_all = (
            weeks_before(smooth, h - first)[0] / NEIGHBOURS for smooth in (smooth_bad, smooth_all)
        )
        shares.append(min(max((week_bad + PRIOR * base) / (week_all + PRIOR), LIMITS[0]), LIMITS[1]))
        strength = week_all + PRIOR
    hours = [_Outcomes(overdue[h - first], outcomes[h - first], shares[h - begin]) for h in range(begin, day)]
    bad, n = (month_before(sums, first, hour)[0] for sums in (sums_bad, sums_all))
    a_day = level_before(sums_all, first, hour) * DAY
    return ShareBaseline(
        begin,
        shares,
        1 / (_correlation(hours) + 1 / strength),
        1 / (_correlation(list(_by_day(hours, begin))) + 1 / (n + PRIOR_MONTH)),
        level_before(sums_bad, first, hour) * MONTH_HOURS + 2,
        bad / max(n, 1),
        a_day,
    )


class _Outcomes(NamedTuple):
    """The overdue cycles, all outcomes and the expected share of an hour or a day."""

    overdue: int
    n: int
    share: float


def _by_day(hours: Sequence[_Outcomes], begin: int) -> Iterator[_Outcomes]:
    """Yield the outcomes of the days of neighbouring hours from `begin` on, without those of days that have none."""
    start = -(begin % DAY)
    for day in range(start, len(hours), DAY):
        part = hours[max(day, 0) : day + DAY]
        if n := sum(hour.n for hour in part):
            yield _Outcomes(
                sum(hour.overdue for hour in part), n, sum(hour.n * hour.share for hour in part) / n
            )


def _correlation(units: Sequence[_Outcomes]) -> float:
    """Return the correlation between the outcomes of an hour or a day."""
    above = sum((bad - n * p) ** 2 - n * p * (1 - p) for bad, n, p in units)
    below = sum(n * (n - 1) * p * (1 - p) for _, n, p in units)
    return min(max(above / below if below > 0 else 0.05, CORRELATION[0]), CORRELATION[1])


def scan_shares(events: StreamEvents, baseline: Callable[[], ShareBaseline], minute: int) -> Finding | None:
    """Return the most remarkable window, None if there is none.

    A window with k overdue of n has the tail P(K >= k - 1) of n - 1 trials of a beta-binomial distribution around the
    share that the baseline expects of its hours. One is left out, because windows are looked at when a cycle is overdue. By
    chance it happens (overdue cycles a month) x (windows) x P times a month at most. A window takes 20 us, of 7 days 60 us.

    Windows up to a day are looked at in a burst of overdue cycles. Who has some tickets a day has no bursts. With up to 12
    outcomes a day, windows of 1, 3 and 7 days need none. Their share is known from the outcomes of 35 days.

    Where a fifth of all targets were missed in 35 days, for example by staff in office hours with targets in calendar time, missing
    them is normal, and every holiday would be a finding. There is none.

    Args:
        events: the outcomes
        baseline: returns their baseline, which is computed only where cycles are late
        minute: the present
    """
    windows = [(length, False) for length in WINDOWS] if is_late_now(events, minute) else []
    windows += [(length, True) for length in LONG_WINDOWS]
    best = base = None
    for length, is_long in windows:
        span = Span(minute, length)
        bad = events.count(span, OVERDUE)
        if bad < LEAST:
            continue
        n = bad + events.count(span, IN_TIME)
        if bad <= FLOOR * n or (is_long and not _goes_on(events, minute, length)):
            continue
        base = base or baseline()
        if base.month_share > FLOOR:
            return None
        if is_long and base.a_day > RARE:
            break
        share = min(max(_expected(events, base, span, minute) / n, LIMITS_OF_WINDOW[0]), LIMITS_OF_WINDOW[1])
        if bad <= share * n:
            continue
        tail = _tail(bad, n, share, base.strength_of_days if is_long else base.strength)
        looks = base.a_month * (len(WINDOWS) + len(LONG_WINDOWS))
        best = more_certain(best, Finding(looks * tail, bad, n * share, length // 1000))
    return best


def _tail(bad: int, n: int, share: float, strength: float) -> float:
    """Return the probability of as many overdue cycles but one."""
    if n > MOST:
        bad, n = bad * MOST // n, MOST
    return beta_binomial_upper(bad - 1, n - 1, share * strength, (1 - share) * strength)


def _counts(events: StreamEvents, span: Span) -> tuple[int, int]:
    """Return the overdue cycles and all outcomes of a window."""
    bad = events.count(span, OVERDUE)
    return bad, bad + events.count(span, IN_TIME)


def is_late_now(events: StreamEvents, minute: int) -> bool:
    """Return whether cycles became overdue just now, at least two and a fifth of those of half an hour."""
    if events.newest_minute(minute, LAST_MINUTES, OVERDUE) is None:
        return False
    bad, n = _counts(events, Span(minute, 30 * MINUTE))
    return bad >= 2 and bad > FLOOR * n


def _goes_on(events: StreamEvents, minute: int, length: int) -> bool:
    """Return whether a fifth of the newest outcomes of a long window are overdue."""
    part, last = 30 * MINUTE, length // RECENT
    while part < last:
        bad, n = _counts(events, Span(minute, part))
        if n >= NEWEST:
            return bad > FLOOR * n
        part *= 2
    bad, n = _counts(events, Span(minute, last))
    return bad > FLOOR * n


def _expected(events: StreamEvents, base: ShareBaseline, span: Span, minute: int) -> float:
    """Return the overdue cycles that the baseline expects of a window's outcomes."""
    total = 0.0
    for hour in range(span.begin // HOUR, minute // 60 + 1):
        if hour < minute // 60 and span.length > DAY * HOUR:
            counts, first, last = events.hours, hour, hour + 1
        elif hour < minute // 60 and span.length > HOUR:
            counts, first, last = events.quarters, max(span.first, hour * 4), hour * 4 + 4
        else:  # the present quarter of an hour may have targets ahead of the present minute
            begin = max(span.begin // MINUTE, hour * 60)
            counts, first, last = events.minutes, begin, min(minute + 1, hour * 60 + 60)
        total += base.share(hour) * sum(counts.sum(first, last, part) for part in (IN_TIME, OVERDUE))
    return total
