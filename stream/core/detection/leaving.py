"""Customers who leave: an e-detector, which needs no windows."""

from math import exp, log, sqrt

from stream.core.detection.baseline import Baseline
from stream.core.detection.finding import MONTH_HOURS, Finding
from stream.core.detection.stream_events import Span, StreamEvents
from stream.core.model.time_buckets import MINUTE

FACTORS = (4.0, 12.0, 40.0)
"""Multiples of the baseline that the detector is sensitive to."""
LEVEL = 0.0125
"""False alarms a month at which the shipped rule fires. Evidence that decides stops growing at ten times that of the level, so
that it goes when the spike is over."""
MARGIN = 1.5
"""Standard deviations by which the baseline is raised, because it is uncertain and hours differ."""
MIN_RATE = 0.002
"""Least rate, in events an hour."""
MAX_EVIDENCE = 1e200
"""Evidence beyond which nothing is compared."""
LAST_MINUTES = 5
"""Minutes within which the newest event must be."""
FINE_MINUTES, COARSE_QUARTERS = 120, 190
"""Time back for which evidence is followed: by minutes, and before that by quarter-hours."""
DEPTH = 51
"""Hours of which a baseline is needed."""
WINDOWS = tuple(minutes * MINUTE for minutes in (1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 240, 480, 1440))
"""Windows of which the clearest is shown with a finding."""
MIN_EVENTS = 3
"""Least number of events in a day. Fewer are never evidence enough."""


def detect_leaving(events: StreamEvents, base: Baseline, minute: int, weight: float) -> Finding | None:
    """Return the finding at the newest event, None if there is none.

    A Shiryaev-Roberts e-detector (J. Shin, A. Ramdas and A. Rinaldo, "E-detectors: a nonparametric framework for sequential
    change detection", New England Journal of Statistics in Data Science 2, 2024) with a mixture of factors d over a Poisson process
    of rate u: between events dR/dt = 1 - (d - 1) u R, at an event R = d R. The mean time to a false alarm at R >= A is at least A if the
    rate is u or less, so chance alone shows 43,200 / R a month. u is the baseline raised by 1.5 standard deviations.
    Events of a minute count at its end, which delays by less than a minute. It takes some 300 us.

    Args:
        events: the events
        base: their baseline
        minute: the present
        weight: the share of false alarms that this label set may have
    """
    newest = events.newest_minute(minute, LAST_MINUTES)
    if newest is None or events.count(Span(minute, WINDOWS[-1])) < MIN_EVENTS:
        return None
    level = MONTH_HOURS * 60 / (LEVEL * weight)
    evidence, unlimited = _evidence(events, base, newest, 10 * level)
    window, count, expected = _clearest(events, base, minute)
    shown = evidence if evidence < level else unlimited
    return Finding(MONTH_HOURS * 60 / shown, count, expected, window // 1000)


def _evidence(events: StreamEvents, base: Baseline, minute: int, cap: float) -> tuple[float, float]:
    """Return the mean of R over the factors at the end of a minute, in minutes, with the cap and without it.

    The first one decides, because it falls soon after a spike. The second one says of several label sets, which are at the
    cap, whose spike is the most certain.
    """
    border = (minute + 1 - FINE_MINUTES) // 15 + 1
    start = border - COARSE_QUARTERS
    steps = [(bucket // 4, 15, n) for bucket, n in enumerate(events.quarters.between(start, border), start)]
    fine = events.minutes.between(border * 15, minute + 1)
    steps += [(bucket // 60, 1, n) for bucket, n in enumerate(fine, border * 15)]
    raised = 1 + MARGIN * sqrt(base.spread_hours + 1 / base.known)
    capped = unlimited = 0.0
    for factor in FACTORS:
        r = free = 0.0
        before = (-1, 0)
        decay = gain = 0.0
        for hour, length, n in steps:
            if (hour, length) != before:
                before = (hour, length)
                decay, gain = _step(factor, max(base.rate(hour) * raised, MIN_RATE) / 60, length)
            r = r * decay + gain
            free = free * decay + gain
            if n > 0:
                growth = factor ** min(n, 50)
                r = min(r * growth, cap)
                free = min(free * growth, MAX_EVIDENCE)
        capped += r
        unlimited += free
    return capped / len(FACTORS), unlimited / len(FACTORS)


def _step(factor: float, rate: float, minutes: int) -> tuple[float, float]:
    """Return by how much R is multiplied, and how much is added to it, over minutes without events."""
    drift = (factor - 1) * rate
    decay = exp(-drift * minutes)
    return decay, (1 - decay) / drift


def _clearest(events: StreamEvents, base: Baseline, minute: int) -> tuple[int, int, float]:
    """Return length (ms), events and expected events of the window whose events the baseline explains least."""
    best, result = -1.0, (WINDOWS[0], 0, 0.0)
    for length in WINDOWS:
        span = Span(minute, length)
        count = events.count(span)
        expected = base.expected(span.begin, (minute + 1) * MINUTE) + 1e-6
        evidence = count * log(count / expected) - (count - expected) if count > expected else 0.0
        if evidence > best:
            best, result = evidence, (length, count, expected)
    return result
