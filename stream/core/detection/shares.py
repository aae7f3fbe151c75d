"""Shares that are higher than their baseline: contact cycles whose target passes before the reply."""

from collections.abc import Callable, Sequence
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
LAST_MINUTES = 5
"""Minutes within which the newest overdue cycle must be."""
LEAST = 4
"""Least number of overdue cycles in a window."""
FLOOR = 0.2
"""A finding has a larger share than this, in its window and in the last half hour, so that it ends."""
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
        strength: the number of outcomes from which the share of the present hour is known
        a_month: overdue cycles to expect a month, and two
        month_share: the share of overdue cycles of the 35 days before the day
    """

    begin: int
    shares: Sequence[float]
    strength: float
    a_month: float
    month_share: float

    def share(self, hour: int) -> float:
        """Return the expected share of an hour. Hours outside have that of the nearest one."""
        return self.shares[min(max(hour - self.begin, 0), len(self.shares) - 1)]


def share_baseline(overdue: Sequence[int], in_time: Sequence[int], first: int, hour: int) -> ShareBaseline:
    """Return the baseline of a label set at an hour.

    The share at the same hour of the five weeks before, with a beta prior worth eight outcomes at the share of 35 days. The
    correlation between outcomes of an hour is measured over 28 days by moments (J. Fleiss, "Statistical Methods for Rates
    and Proportions", 3rd edition, chapter 15). It takes some 3 ms, once an hour and label set with overdue cycles.

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
    correlation = _correlation(
        [(overdue[h - first], outcomes[h - first], shares[h - begin]) for h in range(begin, day)]
    )
    bad, n = (month_before(sums, first, hour)[0] for sums in (sums_bad, sums_all))
    a_month = level_before(sums_bad, first, hour) * MONTH_HOURS + 2
    return ShareBaseline(begin, shares, 1 / (correlation + 1 / strength), a_month, bad / max(n, 1))


def _correlation(hours: Sequence[tuple[int, int, float]]) -> float:
    """Return the correlation between the outcomes of an hour. `hours` have overdue cycles, all, expected share."""
    above = sum((bad - n * p) ** 2 - n * p * (1 - p) for bad, n, p in hours)
    below = sum(n * (n - 1) * p * (1 - p) for _, n, p in hours)
    return min(max(above / below if below > 0 else 0.05, CORRELATION[0]), CORRELATION[1])


def scan_shares(events: StreamEvents, baseline: Callable[[], ShareBaseline], minute: int) -> Finding | None:
    """Return the most remarkable window, None if there is none.

    A window with k overdue of n has the tail P(K >= k - 1) of n - 1 trials of a beta-binomial distribution around the
    share that the baseline expects of its hours. One is left out, because windows are looked at when a cycle is overdue. By
    chance it happens (overdue cycles a month) x (windows) x P times a month at most. A window takes 20 us.

    Where a fifth of all targets were missed in 35 days, for example by staff in office hours with targets in calendar time, missing
    them is normal, and every holiday would be a finding. There is none.

    Args:
        events: the outcomes
        baseline: returns their baseline, which is computed only where cycles are late
        minute: the present
    """
    if not is_late_now(events, minute):
        return None
    best, base = None, baseline()
    if base.month_share > FLOOR:
        return None
    for length in WINDOWS:
        span = Span(minute, length)
        bad, good = events.count(span, OVERDUE), events.count(span, IN_TIME)
        n = bad + good
        if bad < LEAST or bad <= FLOOR * n:
            continue
        share = min(max(_expected(events, base, span, minute) / n, LIMITS_OF_WINDOW[0]), LIMITS_OF_WINDOW[1])
        if bad <= share * n:
            continue
        a, b = share * base.strength, (1 - share) * base.strength
        tail = beta_binomial_upper(bad - 1, n - 1, a, b)
        finding = Finding(base.a_month * len(WINDOWS) * tail, bad, n * share, length // 1000)
        best = more_certain(best, finding)
    return best


def is_late_now(events: StreamEvents, minute: int) -> bool:
    """Return whether cycles became overdue just now, at least two and a fifth of those of half an hour."""
    if events.newest_minute(minute, LAST_MINUTES, OVERDUE) is None:
        return False
    recent = Span(minute, 30 * MINUTE)
    bad = events.count(recent, OVERDUE)
    return bad >= 2 and bad > FLOOR * (bad + events.count(recent, IN_TIME))


def _expected(events: StreamEvents, base: ShareBaseline, span: Span, minute: int) -> float:
    """Return the overdue cycles that the baseline expects of a window's outcomes."""
    total = 0.0
    for hour in range(span.begin // HOUR, minute // 60 + 1):
        if hour < minute // 60 and span.length > HOUR:
            counts, first, last = events.quarters, max(span.first, hour * 4), hour * 4 + 4
        else:  # the present quarter of an hour may have targets ahead of the present minute
            begin = max(span.begin // MINUTE, hour * 60)
            counts, first, last = events.minutes, begin, min(minute + 1, hour * 60 + 60)
        total += base.share(hour) * sum(counts.sum(first, last, part) for part in (IN_TIME, OVERDUE))
    return total
