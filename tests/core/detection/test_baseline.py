"""Profile and baseline against their definitions, hour by hour in exact fractions."""

import random
from fractions import Fraction

import pytest

from stream.core.detection.baseline import Baseline, baseline, reach
from stream.core.detection.profile import REACH, Profile, profile, still_holds
from stream.core.detection.share_baseline import ShareBaseline, share_baseline
from stream.core.model.time_buckets import HOUR
from tests.core.detection.history import MONDAY, weeks

FIRST = MONDAY * 24
SEEDS = range(3)


class _Slow:
    """The definitions, without sums that are kept. `all_` and `counts` are counts of the hours from `FIRST` on."""

    def __init__(self, all_: list[int], counts: list[int]) -> None:
        self.all = all_
        self.counts = counts

    @staticmethod
    def level(counts: list[int], i: int) -> Fraction:
        day = i // 24 * 24
        past = counts[max(0, day - 840) : day]
        return Fraction(sum(past), max(len(past), 1))

    def day_type(self, i: int) -> Fraction:
        weekend = i // 24 % 7 >= 5
        days = [d for d in range(max(0, i // 24 - 35), i // 24) if (d % 7 >= 5) is weekend]
        return Fraction(sum(self.all[d * 24 + i % 24] for d in days), max(len(days), 1))

    def rate_of_all(self, i: int) -> Fraction:
        before, level = weeks(self.all, i), self.level(self.all, i)
        weight = 2 / level if level else 2 * Fraction(10**9)
        return (sum(before, Fraction(0)) + weight * self.day_type(i)) / (len(before) + weight)

    def rate(self, i: int) -> Fraction:
        before = weeks(self.counts, i)
        level = max(self.level(self.counts, i), Fraction(1, 1680))
        prior = max(level * self.rate_of_all(i) / self.level(self.all, i), level / 20)
        scale = Fraction(8, 3)
        return (2 + sum(before, Fraction(0)) * scale) / (2 / prior + len(before) * scale)

    def over_dispersion(self, hours: range, width: int) -> Fraction:
        above, below = Fraction(0), Fraction(0)
        for i in hours:
            n = sum(self.all[i : i + width])
            m = sum((self.rate_of_all(j) for j in range(i, i + width)), Fraction(0))
            above += (n - m) ** 2 - Fraction(23, 20) * m
            below += m * m
        return min(max(above / below, Fraction(3, 100)), Fraction(1, 2))


def _histories(seed: int, hours: int) -> tuple[list[int], list[int]]:
    random_ = random.Random(seed)
    counts = [random_.choice((0, 0, 1, 2)) * (8 <= h % 24 < 20) for h in range(hours)]
    all_ = [n + random_.choice((0, 1, 3)) + 5 * (h % 24 == 9) for h, n in enumerate(counts)]
    return all_, counts


def _computed(all_: list[int], counts: list[int], depth: int) -> tuple[Profile, Baseline]:
    hours = len(all_)
    first = max(0, hours - REACH)
    of_total = profile(all_[first:], FIRST + first, FIRST + hours)
    first = max(0, hours - reach(depth))
    return of_total, baseline(counts[first:], FIRST + first, FIRST + hours, depth, of_total)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("hours", [200, 1000, 1700])
def test_rates_are_those_of_the_definition(seed: int, hours: int) -> None:
    """With little history, with some, and with more than is read."""
    all_, counts = _histories(seed, hours)
    of_total, of_own = _computed(all_, counts, 30)
    slow = _Slow([*all_, 0], [*counts, 0])
    for i in (hours, hours - 1, hours - 30):
        assert of_total.at(FIRST + i)[0] == pytest.approx(float(slow.rate_of_all(i)), rel=1e-12)
        assert of_own.rate(FIRST + i) == pytest.approx(float(slow.rate(i)), rel=1e-12)
    assert of_own.known == pytest.approx(
        float(2 + sum(weeks(slow.counts, hours), Fraction(0)) * Fraction(8, 3))
    )


def test_over_dispersion_is_that_of_the_moments() -> None:
    all_, counts = _histories(7, 1400)
    of_total, _ = _computed(all_, counts, 1)
    slow = _Slow(all_, counts)
    hours, days = range(1400 - 672, 1400), range((1400 // 24 - 28) * 24, 1400 // 24 * 24, 24)
    assert of_total.hours == pytest.approx(float(slow.over_dispersion(hours, 1)), rel=1e-9)
    assert of_total.days == pytest.approx(float(slow.over_dispersion(days, 24)), rel=1e-9)


def test_expected_events_of_parts_of_hours_add_up() -> None:
    """The expectation is additive, and that of a whole hour is its rate."""
    all_, counts = _histories(1, 900)
    _, of_own = _computed(all_, counts, 30)
    end = (FIRST + 900) * HOUR
    assert of_own.expected(end - HOUR, end) == pytest.approx(of_own.rate(FIRST + 899))
    whole = of_own.expected(end - 5 * HOUR - 1234, end + 777_000)
    parts = of_own.expected(end - 5 * HOUR - 1234, end - 600_001) + of_own.expected(
        end - 600_001, end + 777_000
    )
    assert whole == pytest.approx(parts, rel=1e-12)


def test_more_events_in_the_past_are_never_a_lower_baseline() -> None:
    all_, counts = _histories(2, 1000)
    _, before = _computed(all_, counts, 5)
    for hour in (1000 - 168, 1000 - 336, 1000 - 1, 300):
        _, after = _computed(all_, [n + 4 * (h == hour) for h, n in enumerate(counts)], 5)
        assert after.rate(FIRST + 1000) >= before.rate(FIRST + 1000)


def test_variance_grows_from_hours_to_days() -> None:
    """1.15 times the mean, and the square of the expectation times over-dispersion and uncertainty."""
    base = Baseline(FIRST, [1.0], 10.0, 700.0, 0.05, 0.2)
    assert base.variance(4, 4, HOUR // 2) == pytest.approx(1.15 * 4 + 16 * (0.05 + 0.1))
    assert base.variance(4, 5, 24 * HOUR) == pytest.approx(1.15 * 5 + 16 * (0.2 + 0.1))
    assert base.variance(4, 4, 72 * HOUR) == base.variance(4, 4, 24 * HOUR)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("depth", [24, 168])
def test_extended_baselines_are_those_computed_at_once(seed: int, depth: int) -> None:
    """To the last bit, over hours, gaps, ends of days and the hour from which on history is longer than what is read."""
    all_, counts = _histories(seed, 2200)
    overdue, random_ = [n % 2 for n in all_], random.Random(seed)
    of_total: Profile | None = None
    of_own: Baseline | None = None
    shares: ShareBaseline | None = None
    hours, extended = 190, 0
    while hours < len(all_):
        first, own_first, hour = max(0, hours - REACH), max(0, hours - reach(depth)), FIRST + hours
        if of_total is not None and not still_holds(of_total.first, FIRST + first, hour, REACH):
            of_total = of_own = shares = None
        if of_own is not None and not still_holds(of_own.first, FIRST + own_first, hour, reach(depth)):
            of_own = None
        extended += of_total is not None and of_own is not None
        of_total = profile(all_[first:hours], FIRST + first, hour, of_total)
        of_own = baseline(counts[own_first:hours], FIRST + own_first, hour, depth, of_total, of_own)
        shares = share_baseline(overdue[first:hours], counts[first:hours], FIRST + first, hour, shares)
        assert of_total == profile(all_[first:hours], FIRST + first, hour)
        assert of_own == baseline(counts[own_first:hours], FIRST + own_first, hour, depth, of_total)
        assert shares == share_baseline(overdue[first:hours], counts[first:hours], FIRST + first, hour)
        hours += random_.choice((1, 1, 2, 7, 24, 30, 90))
    assert extended > 40
