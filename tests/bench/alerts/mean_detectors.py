"""The detectors of `stream.core.detection.{scores,means}` on arrays: scores and handle times at many points at once."""

import numpy as np
from scipy.special import ndtr

from tests.bench.alerts.points import Findings, Points, before
from tests.bench.alerts.special_days import DAY, HOUR, Floats, Ints

WINDOWS = tuple(hours * HOUR for hours in (1, 2, 4, 8, 16, 24, 72, 168))
SCORE_WINDOWS = tuple(round(hours * HOUR) for hours in (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 48, 72, 120, 168))
MONTH = 30 * DAY
MIN_ANSWERS, MIN_BEFORE = 8, 30
SCORE_DAY_SWING = 0.003
DAY_SWING, HOUR_SWING = 0.045, 0.09
TIMES = 1.1
LOG_UNIT = 1000


def logarithms(seconds: Floats) -> Ints:
    """Return the logarithms of durations in ms, in whole thousandths."""
    return np.round(LOG_UNIT * np.log(np.maximum(seconds * 1000, 1.0))).astype(int)


def _cumulative(values: np.ndarray) -> Ints:
    return np.concatenate([[0], np.cumsum(values)])


def rate(mean: Floats, down: Floats, neutral: Floats, up: Floats) -> Floats:
    """Return the large-deviation rate of means of answers -1, 0 and 1, in nats an answer."""
    x = np.clip(mean, -0.999, 0.999)
    a, b, c = up * (1 - x), -x * neutral, -down * (1 + x)
    z = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    return np.maximum(x * np.log(z) - np.log(down / z + neutral + up * z), 0.0)


def scan_scores(times: Floats, values: Ints, at: Points, least_drop: float) -> Findings:
    """Find windows whose mean of the values -1, 0 and 1 is lower than before them."""
    findings = Findings.none(len(at.ticks))
    down_before, up_before = _cumulative(values == -1), _cumulative(values == 1)
    now, month = before(times, at.seconds), before(times, at.begin(MONTH))
    for length in SCORE_WINDOWS:
        start = before(times, at.begin(length))
        n, m = now - start, start - month
        where = np.flatnonzero((n >= MIN_ANSWERS) & (m >= MIN_BEFORE))
        here = _Slices(now[where], start[where], month[where])
        new_down, new_up = here.new(down_before), here.new(up_before)
        n, m = n[where], m[where]
        down, up = (here.old(counts) + 0.5 for counts in (down_before, up_before))
        down, up = down / (m + 1.5), up / (m + 1.5)
        neutral = (m - here.old(down_before) - here.old(up_before) + 0.5) / (m + 1.5)
        mean, limit = (new_up - new_down) / n, up - down - least_drop
        recent = before(times, at.begin(max(HOUR, length // 4)))[where]
        recent_n = now[where] - recent
        recent_sum = (up_before[now[where]] - up_before[recent]) - (
            down_before[now[where]] - down_before[recent]
        )
        lower = (mean < limit) & ((recent_sum < limit * recent_n) | (recent_n == 0))
        evidence = rate(mean, down, neutral, up)[lower] / (1 / n + 1 / m + SCORE_DAY_SWING)[lower]
        tail = np.exp(-evidence) / np.sqrt(1 + 4 * np.pi * evidence)
        looks = np.maximum(m, 30) * len(SCORE_WINDOWS) / np.maximum(1.0, n / 8)
        findings.add(where[lower], looks[lower] * tail, new_down[lower] * 1.0, (n * down)[lower], length)
    return findings


def scan_means(times: Floats, logs: Ints, at: Points) -> Findings:
    """Find windows whose mean logarithm is larger than before them. `logs` are in thousandths."""
    findings = Findings.none(len(at.ticks))
    sums, squares = _cumulative(logs), _cumulative(logs**2)
    now, month = before(times, at.seconds), before(times, at.begin(MONTH))
    least = LOG_UNIT * np.log(TIMES)
    for length in WINDOWS:
        start = before(times, at.begin(length))
        n, m = now - start, start - month
        where = np.flatnonzero((n >= MIN_ANSWERS) & (m >= MIN_BEFORE))
        here, n, m = _Slices(now[where], start[where], month[where]), n[where], m[where]
        mean_before = here.old(sums) / m
        difference = (here.new(sums) / n - mean_before) / LOG_UNIT
        recent = before(times, at.begin(max(HOUR, length // 4)))[where]
        recent_n, recent_sum = now[where] - recent, sums[now[where]] - sums[recent]
        longer = difference > np.log(TIMES)
        longer &= (recent_n == 0) | (recent_sum > (mean_before + least) * recent_n)
        variance = np.maximum((here.old(squares) / m - mean_before**2) / LOG_UNIT**2, 1e-6)
        swing = DAY_SWING**2 + HOUR_SWING**2 / (1 + length / (2 * HOUR))
        z = difference / np.sqrt(variance * (1 / n + 1 / m) + swing)
        looks = m * len(WINDOWS) / np.maximum(1.0, n / 8)
        typical = np.exp((mean_before + difference * LOG_UNIT) / LOG_UNIT) / 1000
        expected = np.exp(mean_before / LOG_UNIT) / 1000
        findings.add(where[longer], (looks * ndtr(-z))[longer], typical[longer], expected[longer], length)
    return findings


class _Slices:
    """Sums over a window and over the time before it, from cumulative sums."""

    def __init__(self, now: Ints, start: Ints, month: Ints) -> None:
        self._now, self._start, self._month = now, start, month

    def new(self, cumulative: Ints) -> Ints:
        return cumulative[self._now] - cumulative[self._start]

    def old(self, cumulative: Ints) -> Ints:
        return cumulative[self._start] - cumulative[self._month]
