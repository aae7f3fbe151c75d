"""The baseline of a label set: events to expect, by hour of the week."""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from stream.core.detection.finding import MONTH_HOURS
from stream.core.detection.profile import (
    CLUMP,
    DAY,
    MONTH,
    NEIGHBOURS,
    PRIOR_EVENTS,
    Profile,
    level_before,
    weeks_before,
)
from stream.core.model.time_buckets import HOUR

MIN_LEVEL = 0.5 / MONTH
"""Least events an hour: half an event in the 35 days."""
MIN_SHARE = 0.05
"""Least rate of an hour, as a share of the level."""


class Baseline(NamedTuple):
    """Expected events of the hours up to the present one.

    Attributes:
        begin: the first hour of `rates`, in hours since the epoch
        rates: expected events an hour
        known: the number of events from which the rate of the present hour is known
        a_month: events to expect a month, and one
        spread_hours: squared coefficient of variation of an hour, beyond that of a Poisson count
        spread_days: the same of a day
        first: the first hour of history
    """

    begin: int
    rates: Sequence[float]
    known: float
    a_month: float
    spread_hours: float
    spread_days: float
    first: int = 0

    @property
    def hour(self) -> int:
        """The present hour."""
        return self.begin + len(self.rates) - 1

    def rate(self, hour: int) -> float:
        """Return the expected events of an hour. Hours outside have those of the nearest one."""
        return self.rates[min(max(hour - self.begin, 0), len(self.rates) - 1)]

    def expected(self, begin: int, end: int) -> float:
        """Return the expected events between two times in ms."""
        first, last = begin // HOUR, end // HOUR
        low, high = first - self.begin, last - self.begin
        if low >= 0 and high < len(self.rates):
            total = sum(self.rates[low:high])
        else:
            total = sum(self.rate(hour) for hour in range(first, last))
        return total + (self.rate(last) * (end % HOUR) - self.rate(first) * (begin % HOUR)) / HOUR

    def variance(self, expected: float, mean: float, span: int) -> float:
        """Return the variance of a count over `span` ms.

        Hours and days differ by more than chance, and the rate is known from `known` events only. Between an hour and a
        day the over-dispersion goes by the logarithm of the length.

        Args:
            expected: the expected events
            mean: the mean of the count, which a detector may set higher
            span: the length of the window in ms
        """
        part = min(max(log(span / HOUR) / log(24), 0.0), 1.0)
        spread = self.spread_hours * (1 - part) + self.spread_days * part
        return CLUMP * mean + expected**2 * (spread + 1 / self.known)


def baseline(
    counts: Sequence[int],
    first: int,
    hour: int,
    depth: int,
    of_total: Profile,
    before: Baseline | None = None,
) -> Baseline:
    """Return the baseline of a label set at an hour.

    A gamma prior worth two events has the label set's level times the profile of `total`. It meets the counts of the same
    hour of the five weeks before: lambda = (2 + S / 0.375) / (2 / prior + weeks / 0.375), with S the sum of the smoothed
    counts (gamma-Poisson: A. Gelman et al., "Bayesian Data Analysis", 3rd edition, 2.6). The relative error of lambda is
    1 / sqrt(known). It takes 3 us an hour that is new.

    Args:
        counts: counts of the hours from `first` to before `hour`
        first: the first hour of `counts`: of the label set's history, or `reach(depth)` hours before `hour`
        hour: the present hour
        depth: how many hours before the present one have a rate
        of_total: the profile of `total` at that hour
        before: the baseline at an earlier hour that `profile.still_holds`, with the profile that was extended since
    """
    begin = max(first, hour - depth)
    rates = [] if before is None or begin < before.begin else [*before.rates[begin - before.begin :]]
    day, level, known = -1, 0.0, 0.0
    for h in range(begin + len(rates), hour + 1):
        total, have = weeks_before(counts, h - first)
        if h // DAY != day:
            day, level = h // DAY, max(level_before(counts, first, h), MIN_LEVEL)
        rate_all, level_all = of_total.at(h)
        prior = max(level * max(rate_all, 1e-9) / max(level_all, 1e-9), MIN_SHARE * level)
        known = PRIOR_EVENTS + total / NEIGHBOURS
        rates.append(known / (PRIOR_EVENTS / prior + have / NEIGHBOURS))
    return Baseline(
        begin,
        rates,
        known,
        level_before(counts, first, hour) * MONTH_HOURS + 1,
        of_total.hours,
        of_total.days,
        first,
    )


def reach(depth: int) -> int:
    """Return how many hours before the present a baseline of this depth reads."""
    return MONTH + DAY + depth + 1
