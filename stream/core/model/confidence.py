"""Confidence bounds of scores at 95 %."""

from math import sqrt
from typing import NamedTuple

Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


class Estimate(NamedTuple):
    """A value and its bounds."""

    value: float
    low: float
    high: float


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return the first of two independent estimates less the second one, with bounds from those of both.

    Of any estimates: G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008. Of shares with Wilson bounds it is method 10 of
    R. G. Newcombe, Statistics in Medicine 17, 1998.
    """
    value = first.value - second.value
    down = sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    up = sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Estimate(value, value - down, value + up)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the bounds of a share, 0 to 1 (E. B. Wilson, 1927), for n >= 1. They include the share."""
    share = successes / n
    spread = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    centre = share + Z * Z / (2 * n)
    scale = 1 + Z * Z / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # rounding may exceed them by the last digit


def adjusted_wald(promoters: int, detractors: int, n: int) -> tuple[float, float]:
    """Return the bounds of a Net Promoter Score in points, for n >= 1.

    Adjusted Wald interval: 3/4 is added to promoters and to detractors and 1 1/2 to passives, hence 3 to n
    (B. Rocks, "Interval estimation for the Net Promoter Score", The American Statistician 70, 2016). It is centred on
    the score of n + 3 answers. With few answers it can exceed the scale and exclude the score, so it is cut to -100 to
    100 and widened to include the score.
    """
    score = 100 * (promoters - detractors) / n
    up, down = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    spread = Z * sqrt((up + down - (up - down) ** 2) / (n + 3))
    low, high = 100 * (up - down - spread), 100 * (up - down + spread)
    return max(-100.0, min(low, score)), min(100.0, max(high, score))
