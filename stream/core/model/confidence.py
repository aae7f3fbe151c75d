"""Confidence bounds of scores at 95 %."""

from math import sqrt

Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the bounds of a share, 0 to 1 (E. B. Wilson, 1927), for n >= 1."""
    share = successes / n
    spread = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    centre = share + Z * Z / (2 * n)
    scale = 1 + Z * Z / n
    return (centre - spread) / scale, (centre + spread) / scale


def adjusted_wald(promoters: int, detractors: int, n: int) -> tuple[float, float]:
    """Return the bounds of a Net Promoter Score in points, not clamped to -100 and 100.

    Adjusted Wald interval: 3/4 is added to promoters and to detractors and 1 1/2 to passives, hence 3 to n
    (B. Rocks, "Interval estimation for the Net Promoter Score", The American Statistician 70, 2016).
    """
    up, down = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    spread = Z * sqrt((up + down - (up - down) ** 2) / (n + 3))
    return 100 * (up - down - spread), 100 * (up - down + spread)
