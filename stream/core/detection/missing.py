"""Answers that stay away: counts that are lower than half of their baseline."""

from stream.core.detection.baseline import Baseline
from stream.core.detection.finding import MONTH_HOURS, Finding, more_certain
from stream.core.detection.stream_events import StreamEvents, window
from stream.core.detection.tails import negative_binomial_lower
from stream.core.model.time_buckets import HOUR, MINUTE

WINDOWS = tuple(hours * HOUR for hours in (1, 2, 4, 8, 16, 24))
TIMES = 0.5
"""A finding has at most this share of the events of the baseline."""
RECENT = 8
"""The newest part of this size of a window, at least an hour, must also be so low, so that a finding ends."""


def scan_missing(events: StreamEvents, base: Baseline, minute: int) -> Finding | None:
    """Return the most remarkable window with too few events, None if there is none.

    The lower tail of the distribution of `scan_counts`. By chance it happens (looks a month) x (windows) x P(N <= n) times
    a month at most, with eight independent looks in the length of a window, and no more than events. The present minute is
    not over, so nothing is expected of it. A window takes 5 us.

    Args:
        events: the events
        base: their baseline
        minute: the present
    """
    best, low = None, dict[int, bool]()
    for length in WINDOWS:
        recent = max(HOUR, length // RECENT)
        if recent not in low:
            low[recent] = _is_low(events, base, minute, recent)
        if not low[recent]:
            continue
        span = window(minute, length)
        count = events.count(span)
        expected = base.expected(span.begin, minute * MINUTE) + 1e-6
        if count > TIMES * expected:
            continue
        tail = negative_binomial_lower(count, expected, base.variance(expected, expected, length))
        looks = min(base.a_month, MONTH_HOURS * HOUR / length * 8) * len(WINDOWS)
        best = more_certain(best, Finding(looks * tail, count, expected, length // 1000))
    return best


def _is_low(events: StreamEvents, base: Baseline, minute: int, length: int) -> bool:
    """Return whether the newest part of a window is low enough."""
    span = window(minute, length)
    return events.count(span) <= TIMES * base.expected(span.begin, minute * MINUTE)
