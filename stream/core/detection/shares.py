"""Shares that are higher than their baseline: contact cycles whose target passes before the reply."""

from collections.abc import Callable

from stream.core.detection.finding import Finding, more_certain
from stream.core.detection.profile import DAY
from stream.core.detection.share_baseline import FLOOR, IN_TIME, OVERDUE, ShareBaseline
from stream.core.detection.stream_events import Span, StreamEvents, window
from stream.core.detection.tails import beta_binomial_upper
from stream.core.model.time_buckets import HOUR, MINUTE

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
LIMITS_OF_WINDOW = (0.01, 0.985)
"""Bounds of the expected share of a window."""
CLEAR = 0.001
"""A finding that chance shows so rarely is kept in place of one of a longer window of days, which says less."""
LEAST = 4
"""Least number of overdue cycles in a window."""
MOST = 2000
"""Outcomes that are added up one by one. More say no more, because the outcomes of an hour are correlated."""


def scan_shares(events: StreamEvents, baseline: Callable[[], ShareBaseline], minute: int) -> Finding | None:
    """Return the most remarkable window, None if there is none.

    A window with k overdue of n has the tail P(K >= k - 1) of n - 1 trials of a beta-binomial distribution around the
    share that the baseline expects of its hours. One is left out, because windows are looked at when a cycle is overdue. By
    chance it happens (overdue cycles a month) x (windows) x P times a month at most. A window takes 20 us.

    Windows up to a day are looked at in a burst of overdue cycles. Who has some tickets a day has no bursts. With up to 12
    outcomes a day, windows of 1, 3 and 7 days need none. The share of the four weeks that ended a week ago is expected of them,
    because late answers of the last days would hide those of today.

    Where a fifth of all targets were missed in 35 days, missing them is normal. Where nearly all are missed at some hours of the
    day, staff in office hours have targets in calendar time, and every holiday would be a finding. In both cases there is none.

    Args:
        events: the outcomes
        baseline: returns their baseline, which is computed only where cycles are late
        minute: the present
    """
    windows = [(length, False) for length in WINDOWS] if is_late_now(events, minute) else []
    windows += [(length, True) for length in LONG_WINDOWS]
    best = base = None
    for length, is_long in windows:
        if is_long and best is not None and best.by_chance <= CLEAR:
            break
        span = window(minute, length)
        bad = events.count(span, OVERDUE)
        if bad < LEAST:
            continue
        n = bad + events.count(span, IN_TIME)
        if bad <= FLOOR * n or (is_long and not _goes_on(events, minute, length)):
            continue
        base = base or baseline()
        if base.has_closed_hours:
            return None
        if is_long:
            if base.a_day > RARE or base.days.share > FLOOR:
                break
            share, strength = base.days
        else:
            if base.month_share > FLOOR:
                continue
            share, strength = _expected(events, base, span, minute) / n, base.strength
        share = min(max(share, LIMITS_OF_WINDOW[0]), LIMITS_OF_WINDOW[1])
        if bad > share * n:
            looks = base.a_month * (len(WINDOWS) + len(LONG_WINDOWS))
            finding = Finding(looks * _tail(bad, n, share, strength), bad, n * share, length // 1000)
            best = more_certain(best, finding)
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
    bad, n = _counts(events, window(minute, 30 * MINUTE))
    return bad >= 2 and bad > FLOOR * n


def _goes_on(events: StreamEvents, minute: int, length: int) -> bool:
    """Return whether a fifth of the newest outcomes of a long window are overdue."""
    part, last = 30 * MINUTE, length // RECENT
    while part < last:
        bad, n = _counts(events, window(minute, part))
        if n >= NEWEST:
            return bad > FLOOR * n
        part *= 2
    bad, n = _counts(events, window(minute, last))
    return bad > FLOOR * n


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
