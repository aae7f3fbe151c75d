"""The change of a figure from the window before: its difference, 95 % interval and p-value, from exact parts."""

from collections.abc import Mapping
from math import erfc, exp, lgamma, sqrt
from typing import Literal, NamedTuple

from stream.core.metrics.metric import Headline
from stream.core.model.confidence import Estimate, Z, difference, wilson

SIGNIFICANT = 0.05
"""A change whose p-value is below it is significant."""
MIN_EXPECTED = 5
"""Successes and failures that each window must expect under equal shares for the normal approximation."""
MIN_ANSWERS = 30
"""Answers that each window must have for a test of means."""


class Change(NamedTuple):
    """A change in the unit of the figure, with its 95 % interval and the two-sided p-value of no change.

    Interval and p-value are None if there are too few answers for them.
    """

    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def is_significant(self) -> bool | None:
        """Whether the figure has changed at the level of 5 %, None if there are too few answers to tell."""
        return None if self.p is None else self.p < SIGNIFICANT


Verdict = Literal["better", "worse", "no clear change", "too few to tell", ""]
"""What a change is worth. Empty without a test, as of durations, whose spread is not exposed."""


class Period(NamedTuple):
    """The figure of a headline in one window: value, sample size, and the samples that add up to it by own labels."""

    value: float
    n: float | None
    samples: Mapping[tuple[str, ...], float]


def change_of(headline: Headline, now: Period, before: Period) -> Change:
    """Return the change of a headline's figure, tested if it is a share or its answers have a known variance."""
    if now.n and before.n and headline.unit == "ratio":
        successes, successes_before = round(now.value * now.n), round(before.value * before.n)
        return of_shares(successes, int(now.n), successes_before, int(before.n))
    if now.n and before.n and headline.variance:
        variances = headline.variance(now.samples), headline.variance(before.samples)
        return of_means(now.value, variances[0], int(now.n), before.value, variances[1], int(before.n))
    return Change(now.value - before.value)


def verdict(headline: Headline, change: Change) -> Verdict:
    """Return what a change of a headline's figure is worth."""
    if change.is_significant:
        return "better" if (change.difference > 0) is (headline.better == "higher") else "worse"
    if change.is_significant is False:
        return "no clear change"
    return "too few to tell" if headline.variance else ""


def of_shares(successes: int, n: int, successes_before: int, n_before: int) -> Change:
    """Return the change of a share. Both windows have answers (n >= 1).

    Interval: R. G. Newcombe, Statistics in Medicine 17, 1998, method 10, from the Wilson bounds of both. Test: two
    proportions with a pooled share; with few answers R. A. Fisher's exact test.
    """
    share = Estimate(successes / n, *wilson(successes, n))
    before = Estimate(successes_before / n_before, *wilson(successes_before, n_before))
    change = difference(share, before)
    pooled = (successes + successes_before) / (n + n_before)
    if min(pooled, 1 - pooled) * min(n, n_before) < MIN_EXPECTED:
        p = _exact(successes, n, successes_before, n_before)
    else:
        p = _two_sided(change.value / sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_before)))
    return Change(*change, p)


def of_means(
    mean: float, variance: float, n: int, before: float, variance_before: float, n_before: int
) -> Change:
    """Return the change of a mean of answers, whose variances are those of one answer (n >= 1).

    Test of two means whose variances differ (B. L. Welch, 1947), with the normal distribution. If all answers of each
    window are equal, there is no error: the means are equal or not.
    """
    change = mean - before
    if min(n, n_before) < MIN_ANSWERS:
        return Change(change)
    error = sqrt(variance / n + variance_before / n_before)
    p = _two_sided(change / error) if error else float(not change)
    return Change(change, change - Z * error, change + Z * error, p)


def _exact(successes: int, n: int, successes_before: int, n_before: int) -> float:
    """Return the probability of all tables of the same sums that are at least as unlikely as this one, with equal shares."""
    total, everyone = successes + successes_before, n + n_before

    def log_probability(k: int) -> float:
        return _log_choose(n, k) + _log_choose(n_before, total - k) - _log_choose(everyone, total)

    limit = log_probability(successes) + 1e-7  # rounding must not leave out a table that is as unlikely
    possible = range(max(0, total - n_before), min(n, total) + 1)
    return min(1.0, sum(exp(log) for log in map(log_probability, possible) if log <= limit))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _two_sided(z: float) -> float:
    return erfc(abs(z) / sqrt(2))
