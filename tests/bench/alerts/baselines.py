"""Baselines of the detectors for every hour of a run at once: the arrays of `stream.core.detection.{profile,baseline,shares}`.

Hours are numbered from the start of the run. Nothing is known of an hour before the first event of its label set.
"""

from dataclasses import dataclass

import numpy as np

from tests.bench.alerts.special_days import HOUR, SATURDAY, Bools, Floats, Ints

WEEK, DAY = 168, 24
WEEKS_BACK, SPREAD_DAYS = 5, 28
MONTH = WEEKS_BACK * WEEK
MONTH_HOURS = 720
PRIOR_EVENTS = 2.0
CLUMP = 1.15
"""Variance of counts per mean: members of a household leave together."""
NEIGHBOURS = 0.375
"""The sum of the squared weights of an hour and its neighbours."""
SPREAD_LIMITS = (0.03, 0.5)
MIN_LEVEL = 0.5 / MONTH
SHARE_PRIOR, SHARE_PRIOR_MONTH = 8.0, 10.0
CORRELATION_LIMITS = (0.02, 0.5)


@dataclass(frozen=True)
class Profile:
    """The expected events of `total` by hour, its level, and the over-dispersion of hours and of days."""

    rates: Floats
    level: Floats
    spread_hours: Floats
    spread_days: Floats


@dataclass(frozen=True)
class Baseline:
    """The expected events of a label set by hour, and how well they are known at that hour."""

    rates: Floats
    known: Floats
    a_month: Floats
    spread_hours: Floats
    spread_days: Floats
    cumulative: Floats

    def expected(self, begin: Floats, end: Floats) -> Floats:
        """Return the expected events between two times in seconds."""
        return self._until(end) - self._until(begin)

    def _until(self, at: Floats) -> Floats:
        hour = np.clip((at // HOUR).astype(int), 0, len(self.rates) - 1)
        events: Floats = self.cumulative[hour] + self.rates[hour] * (at / HOUR - hour)
        return events

    def variance(self, hour: Ints, expected: Floats, mean: Floats, length: float) -> Floats:
        """Return the variance of a count in a window of this length in seconds."""
        part = min(max(np.log(length / HOUR) / np.log(24), 0.0), 1.0)
        spread = self.spread_hours[hour] * (1 - part) + self.spread_days[hour] * part
        variance: Floats = CLUMP * mean + expected**2 * (spread + 1 / self.known[hour])
        return variance


@dataclass(frozen=True)
class ShareBaseline:
    """The expected share of overdue contact cycles by hour, and for how many outcomes it stands."""

    shares: Floats
    strength: Floats
    share_of_days: Floats
    strength_of_days: Floats
    a_month: Floats
    a_day: Floats
    month_share: Floats
    has_closed_hours: Bools


def by_hour(times: Floats, hours: int) -> Floats:
    """Return the number of events in each hour."""
    inside = times[(times >= 0) & (times < hours * HOUR)]
    return np.bincount((inside // HOUR).astype(int), minlength=hours).astype(float)


def profile(counts: Floats, first: int) -> Profile:
    """Return the profile of a stream from its counts by hour. `first` is the first hour of its history."""
    hours = np.arange(len(counts))
    total, weeks = _weeks_before(_smoothed(counts, first), first)
    level = _level_before(counts, first)
    weight = PRIOR_EVENTS / np.maximum(level, 1e-9)
    rates = (total + weight * _day_type_means(counts, first)) / (weeks + weight)
    begin = np.maximum(hours // DAY * DAY - SPREAD_DAYS * DAY, first)
    spread_hours = _spread(counts, rates, np.maximum(begin, hours - SPREAD_DAYS * DAY), hours)
    days = len(counts) // DAY
    daily, daily_rates = (values[: days * DAY].reshape(days, DAY).sum(1) for values in (counts, rates))
    day = hours // DAY
    spread_days = _spread(daily, daily_rates, np.maximum(-(-first // DAY), day - SPREAD_DAYS), day)
    return Profile(rates, level, spread_hours, spread_days)


def baseline(counts: Floats, first: int, of_total: Profile) -> Baseline:
    """Return the baseline of a label set: gamma prior of the profile, Poisson counts of five weeks."""
    total, weeks = _weeks_before(_smoothed(counts, first), first)
    measured = _level_before(counts, first)
    level = np.maximum(measured, MIN_LEVEL)
    prior = level * np.maximum(of_total.rates, 1e-9) / np.maximum(of_total.level, 1e-9)
    prior = np.maximum(prior, 0.05 * level)
    known = PRIOR_EVENTS + total / NEIGHBOURS
    rates = known / (PRIOR_EVENTS / prior + weeks / NEIGHBOURS)
    return Baseline(
        rates,
        known,
        measured * MONTH_HOURS + 1,
        of_total.spread_hours,
        of_total.spread_days,
        np.concatenate([[0.0], np.cumsum(rates)]),
    )


def share_baseline(overdue: Floats, in_time: Floats, first: int) -> ShareBaseline:
    """Return the expected shares of a label set: beta prior of the month, outcomes of five weeks."""
    outcomes = overdue + in_time
    hours = np.arange(len(outcomes))
    day = np.maximum(hours // DAY * DAY, first)
    low = np.maximum(day - MONTH, first)
    month_overdue, month_all = (_between(values, low, day) for values in (overdue, outcomes))
    week_overdue, week_all = (
        _weeks_before(_smoothed(values, first), first)[0] / NEIGHBOURS for values in (overdue, outcomes)
    )
    base = (month_overdue + 0.5) / (month_all + SHARE_PRIOR_MONTH)
    shares = np.clip((week_overdue + SHARE_PRIOR * base) / (week_all + SHARE_PRIOR), 0.01, 0.97)
    unit = shares * (1 - shares)
    begin = np.maximum(day - SPREAD_DAYS * DAY, first)
    above = _between((overdue - outcomes * shares) ** 2 - outcomes * unit, begin, day)
    below = _between(outcomes * (outcomes - 1) * unit, begin, day)
    correlation = np.where(below > 0, above / np.where(below > 0, below, 1), 0.05)
    days = -(-len(outcomes) // DAY)
    padded = [np.append(counts, np.zeros(days * DAY - len(counts))) for counts in (overdue, outcomes)]
    daily_overdue, daily = (counts.reshape(days, DAY) for counts in padded)
    share_of_days, strength_of_days = _day_share(daily_overdue.sum(1), daily.sum(1), first // DAY)
    closed = _closed_hours(daily_overdue, daily, first // DAY)
    return ShareBaseline(
        shares,
        1 / (np.clip(correlation, *CORRELATION_LIMITS) + 1 / (week_all + SHARE_PRIOR)),
        share_of_days[hours // DAY],
        strength_of_days[hours // DAY],
        month_overdue / np.maximum(day - low, 1) * MONTH_HOURS + 2,
        month_all / np.maximum(day - low, 1) * DAY,
        month_overdue / np.maximum(month_all, 1),
        closed[hours // DAY],
    )


def _day_share(overdue: Floats, outcomes: Floats, first: int) -> tuple[Floats, Floats]:
    """Return the share from 35 to seven days before each day, and for how many outcomes it stands."""
    day = np.arange(len(outcomes))
    begin = np.maximum(day - 5 * 7, first)
    end = np.maximum(day - 7, begin)
    n = _between(outcomes, begin, end)
    p = (_between(overdue, begin, end) + 0.5) / (n + SHARE_PRIOR_MONTH)
    squares, products, all_squares = (
        _between(values, begin, end) for values in (overdue**2, overdue * outcomes, outcomes**2)
    )
    above = squares - 2 * p * products + p**2 * all_squares - p * (1 - p) * n
    pairs = np.maximum(all_squares - n, 1e-9)
    correlation = np.where(all_squares > n, above / (p * (1 - p) * pairs) - np.sqrt(2 / pairs), 0.05)
    return p, 1 / (np.clip(correlation, *CORRELATION_LIMITS) + 1 / (n + SHARE_PRIOR_MONTH))


def _closed_hours(overdue: Floats, outcomes: Floats, first: int) -> Bools:
    """Return for each day whether nearly all cycles of some hours of the 35 days before it are overdue. Shapes (days, 24)."""
    kind = (np.arange(len(outcomes)) % 7 >= SATURDAY).astype(int)
    result = np.zeros(len(outcomes), bool)
    for day in range(len(outcomes)):
        before = slice(max(day - 5 * 7, min(first, day)), day)
        sums = [
            np.stack([counts[before][kind[before] == of].sum(0) for of in (0, 1)])
            for counts in (overdue, outcomes)
        ]
        closed = (sums[1] > 0) & (sums[0] >= 0.8 * sums[1])
        inside = outcomes[before] * closed[kind[before]]
        result[day] = inside.sum() >= 4 and (inside.sum(1) > 0).sum() >= 3
    return result


def _smoothed(counts: Floats, first: int) -> Floats:
    """Return counts weighted 1/4, 1/2, 1/4 with their neighbours. The first hour stays as it is."""
    smooth = counts.copy()
    smooth[1:-1] = 0.25 * counts[:-2] + 0.5 * counts[1:-1] + 0.25 * counts[2:]
    smooth[: first + 1] = counts[: first + 1]
    return smooth


def _weeks_before(values: Floats, first: int) -> tuple[Floats, Ints]:
    """Return the sum of the values at the same hour of up to five weeks before each hour, and the number of weeks."""
    total = np.zeros(len(values))
    for week in range(1, WEEKS_BACK + 1):
        total[WEEK * week :] += values[: len(values) - WEEK * week]
    weeks = np.clip((np.arange(len(values)) - first) // WEEK, 0, WEEKS_BACK)
    return total, weeks


def _between(values: Floats, begin: Ints, end: Ints) -> Floats:
    cumulative = np.concatenate([[0.0], np.cumsum(values)])
    sums: Floats = cumulative[end] - cumulative[np.minimum(begin, end)]
    return sums


def _level_before(counts: Floats, first: int) -> Floats:
    """Return the mean events an hour of the 35 days before the day of each hour."""
    day = np.maximum(np.arange(len(counts)) // DAY * DAY, first)
    begin = np.maximum(day - MONTH, first)
    level: Floats = _between(counts, begin, day) / np.maximum(day - begin, 1)
    return level


def _day_type_means(counts: Floats, first: int) -> Floats:
    """Return the mean of each hour of the day over the working days, or the weekends, of 35 days before its day."""
    days = -(-len(counts) // DAY)
    table = np.concatenate([counts, np.zeros(days * DAY - len(counts))]).reshape(days, DAY)
    day = np.arange(days)
    begin = np.maximum(day - WEEKS_BACK * 7, -(-first // DAY))
    means = np.zeros((days, DAY))
    for weekend in (False, True):
        of_type: Bools = (day % 7 >= SATURDAY) == weekend
        sums = np.concatenate([np.zeros((1, DAY)), np.cumsum(table * of_type[:, None], 0)])
        number = np.concatenate([[0], np.cumsum(of_type)])
        low = np.minimum(begin, day)
        mean = (sums[day] - sums[low]) / np.maximum(number[day] - number[low], 1)[:, None]
        means[of_type] = mean[of_type]
    return means.ravel()[: len(counts)]


def _spread(counts: Floats, rates: Floats, begin: Ints, end: Ints) -> Floats:
    """Return the over-dispersion of counts around their expectations, 0.1 without any."""
    below = _between(rates**2, begin, end)
    above = _between((counts - rates) ** 2 - CLUMP * rates, begin, end)
    return np.where(below > 0, np.clip(above / np.maximum(below, 1e-9), *SPREAD_LIMITS), 0.1)
