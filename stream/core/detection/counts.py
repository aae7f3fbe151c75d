"""Counts that are higher than their baseline: a scan over windows that end now."""

from collections.abc import Sequence

from stream.core.detection.baseline import Baseline
from stream.core.detection.finding import Finding, more_certain
from stream.core.detection.profile import CLUMP
from stream.core.detection.stream_events import Span, StreamEvents, window
from stream.core.detection.tails import negative_binomial_upper
from stream.core.model.time_buckets import DAY, HOUR, MINUTE

LAST_MINUTES = 5
"""Minutes within which the newest event must be, for windows up to an hour."""
RECENT = 6
"""Of longer windows, the newest part of this size must also be above its baseline, so that a finding ends."""
MONTH_AGO = (28, 29, 30, 31)
"""Days ago at which the same time of the month was."""


def scan_counts(
    events: StreamEvents,
    base: Baseline,
    minute: int,
    windows: Sequence[int],
    *,
    times: float,
    least: int,
    monthly: bool = False,
) -> Finding | None:
    """Return the most remarkable window, None if there is none.

    A window with c events has the tail P(N >= c - 1) of a negative binomial distribution with the mean of the baseline plus
    0.15 and its variance (a scan statistic: J. Glaz et al., "Scan Statistics", 2001). One event is left out, because windows
    are looked at when an event comes. By chance it happens (events a month) x (windows) x P times a month at most, a union
    bound that is some ten times too high, because windows overlap. A window takes 5 us.

    Args:
        events: the events
        base: their baseline
        minute: the present
        windows: lengths in ms
        times: a finding has at least this many times the events of the baseline
        least: the least number of events of a finding
        monthly: whether events at the same time of last month raise the expectation, because bills are due by the month
    """
    end = (minute + 1) * MINUTE
    best = None
    for length in windows:
        span = window(minute, length)
        count = events.count(span)
        if count < least:
            continue
        expected = base.expected(span.begin, end) + 1e-6
        if monthly and length >= HOUR:
            expected = max(expected, _month_ago(events, span, end))
        if count < times * expected or not _goes_on(events, base, minute, length):
            continue
        mean = expected + CLUMP - 1
        tail = negative_binomial_upper(count - 1, mean, base.variance(expected, mean, length))
        finding = Finding(base.a_month * len(windows) * tail, count, expected, length // 1000)
        best = more_certain(best, finding)
    return best


def _goes_on(events: StreamEvents, base: Baseline, minute: int, length: int) -> bool:
    recent = window(
        minute, LAST_MINUTES * MINUTE if length <= HOUR else max(HOUR, length // RECENT // HOUR * HOUR)
    )
    return events.count(recent) > base.expected(recent.begin, (minute + 1) * MINUTE)


def _month_ago(events: StreamEvents, span: Span, end: int) -> int:
    """Return the most events at the same time of 28 to 31 days ago, an hour before and after included."""
    first, last = span.begin // HOUR - 1, -(-end // HOUR) + 1
    hours = DAY // HOUR
    return max(events.hours.sum(first - lag * hours, last - lag * hours) for lag in MONTH_AGO)
