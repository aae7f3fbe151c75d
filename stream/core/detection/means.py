"""Durations that are longer than before: handle time."""

from math import exp, log, sqrt

from stream.core.detection.finding import Finding, more_certain
from stream.core.detection.scores import MIN_ANSWERS, MIN_BEFORE, MONTH
from stream.core.detection.stream_events import StreamEvents, window
from stream.core.detection.tails import normal_upper
from stream.core.model.time_buckets import HOUR

WINDOWS = tuple(hours * HOUR for hours in (1, 2, 4, 8, 16, 24, 72, 168))
NUMBER, SUM, SQUARES = range(3)
"""Positions of the integers of a stream: interactions, the sum of their logarithms in `UNIT`, and of their squares."""
UNIT = 1000
"""Logarithms of durations are whole thousandths, so that sums do not depend on their order."""
DAY_SWING, HOUR_SWING = 0.045, 0.09
"""Standard deviations by which the mean logarithms of days and of hours differ beyond chance."""
TIMES = 1.1
"""A finding is at least this many times as long."""
RECENT = 4
"""The newest part of this size of a window must also be longer, so that a finding ends."""


def logarithm(milliseconds: float) -> int:
    """Return the logarithm of a duration in `UNIT`. Below 1 ms it is 0."""
    return round(UNIT * log(max(milliseconds, 1.0)))


def scan_means(events: StreamEvents, minute: int) -> Finding | None:
    """Return the most remarkable window with a longer mean, None if there is none.

    The mean logarithm of n durations against that of m before them is normal with the variance
    s^2 (1 / n + 1 / m) + 0.045^2 + 0.09^2 / (1 + window / 2 h). By chance it happens (interactions a month) x (windows) /
    (n / 8) x tail times a month. Logarithms, because durations are nearly log-normal (L. Brown et al., Journal of the
    American Statistical Association 100, 2005). `events` are the seconds of a typical interaction, the geometric mean,
    as is `baseline_events`. A window takes 5 us.

    Args:
        events: the interactions
        minute: the present
    """
    month = window(minute, MONTH)
    number, total, squares = events.counts(month)
    best = None
    if number < MIN_BEFORE + MIN_ANSWERS:
        return None
    for length in WINDOWS:
        span = window(minute, length)
        n = events.count(span, NUMBER)
        m = number - n
        if n < MIN_ANSWERS or m < MIN_BEFORE:
            continue
        new = events.count(span, SUM)
        before = (total - new) / m
        difference = (new / n - before) / UNIT
        if difference <= log(TIMES) or not _goes_on(events, minute, length, before + UNIT * log(TIMES)):
            continue
        variance = max(((squares - events.count(span, SQUARES)) / m - before**2) / UNIT**2, 1e-6)
        swing = DAY_SWING**2 + HOUR_SWING**2 / (1 + length / (2 * HOUR))
        z = difference / sqrt(variance * (1 / n + 1 / m) + swing)
        looks = m * len(WINDOWS) / max(1.0, n / 8)
        typical, baseline = (exp(mean / UNIT) / 1000 for mean in (new / n, before))
        best = more_certain(best, Finding(looks * normal_upper(z), typical, baseline, length // 1000))
    return best


def _goes_on(events: StreamEvents, minute: int, length: int, limit: float) -> bool:
    """Return whether the newest part of a window is longer, too. It may have no interactions."""
    recent = window(minute, max(HOUR, length // RECENT))
    n = events.count(recent, NUMBER)
    return n == 0 or events.count(recent, SUM) > limit * n
