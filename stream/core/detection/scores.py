"""Scores of answers that are worse than before: NPS and CSAT."""

from math import exp, log, pi, sqrt

from stream.core.detection.finding import Finding, more_certain
from stream.core.detection.stream_events import StreamEvents, window
from stream.core.model.time_buckets import DAY, HOUR

WINDOWS = tuple(round(hours * HOUR) for hours in (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 48, 72, 120, 168))
"""A drop is told when a window begins about where it began. With steps of two, as of the first six, it took a tenth longer."""
MONTH = 30 * DAY
"""Length of the time before a window that it is compared with, window included."""
DOWN, NEUTRAL, UP = range(3)
"""Positions of the integers of a stream: answers of the value -1, 0 and 1."""
DAY_SWING = 0.003
"""Variance by which the scores of days differ beyond chance, in units of the variance of one answer: 4 points of NPS."""
MIN_ANSWERS, MIN_BEFORE = 8, 30
"""Least number of answers in a window, and before it."""
RECENT = 4
"""The newest part of this size of a window must also be lower, so that a finding ends."""


def rate(mean: float, down: float, neutral: float, up: float) -> float:
    """Return the large-deviation rate of a mean of answers -1, 0 and 1 with these probabilities, in nats an answer.

    I(x) = x ln z - ln(down / z + neutral + up z), where z solves up (1 - x) z^2 - x neutral z - down (1 + x) = 0
    (H. Cramer, 1938; R. Bahadur and R. Rao, Annals of Mathematical Statistics 31, 1960).
    """
    x = min(max(mean, -0.999), 0.999)
    a, b, c = up * (1 - x), -x * neutral, -down * (1 + x)
    z = (-b + sqrt(b * b - 4 * a * c)) / (2 * a)
    return max(x * log(z) - log(down / z + neutral + up * z), 0.0)


def scan_scores(events: StreamEvents, minute: int, least_drop: float) -> Finding | None:
    """Return the most remarkable window with a lower score, None if there is none.

    The evidence of n answers against m before them is n_e I(x), with 1 / n_e = 1 / n + 1 / m + 0.003. It stays below
    I(x) / 0.003 however many answers there are, because the scores of days differ. The tail is
    exp(-evidence) / sqrt(1 + 4 pi evidence), within a factor of five of the exact one unless all answers are of the lowest
    class. By chance it happens (answers a month) x (windows) / (n / 8) x tail times a month. The events of the finding are
    the answers of the lowest class. A window takes 8 us.

    Args:
        events: the answers by class
        minute: the present
        least_drop: the least difference from the score before, on the scale from -1 to 1
    """
    month = window(minute, MONTH)
    all_down, all_neutral, all_up = events.counts(month)
    number = all_down + all_neutral + all_up
    best = None
    if number < MIN_BEFORE + MIN_ANSWERS:
        return None
    for length in WINDOWS:
        span = window(minute, length)
        new_down, new_neutral, new_up = events.counts(span)
        n = new_down + new_neutral + new_up
        m = number - n
        if n < MIN_ANSWERS or m < MIN_BEFORE:
            continue
        down, up = (all_down - new_down + 0.5) / (m + 1.5), (all_up - new_up + 0.5) / (m + 1.5)
        limit = up - down - least_drop
        mean = (new_up - new_down) / n
        if mean >= limit or not _goes_on(events, minute, length, limit):
            continue
        neutral = (m - (all_down - new_down) - (all_up - new_up) + 0.5) / (m + 1.5)
        evidence = rate(mean, down, neutral, up) / (1 / n + 1 / m + DAY_SWING)
        tail = exp(-evidence) / sqrt(1 + 4 * pi * evidence)
        looks = max(m, 30) * len(WINDOWS) / max(1.0, n / 8)
        best = more_certain(best, Finding(looks * tail, new_down, n * down, length // 1000))
    return best


def _goes_on(events: StreamEvents, minute: int, length: int, limit: float) -> bool:
    """Return whether the newest part of a window is lower, too. It may have no answers."""
    recent = window(minute, max(HOUR, length // RECENT))
    down, neutral, up = events.counts(recent)
    return up - down < limit * (down + neutral + up) or down + neutral + up == 0
