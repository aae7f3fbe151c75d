"""Tails of distributions against sums of exact fractions, and of decimals with 60 digits."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import comb

import pytest

from stream.core.detection.tails import (
    beta_binomial_upper,
    binomial_upper,
    negative_binomial_lower,
    negative_binomial_upper,
    normal_upper,
)

CASES = [
    (count, mean, mean * 1.15 + spread * mean * mean)
    for mean in (0.001, 0.15, 1.0, 7.3, 60.0, 300.0)
    for spread in (0.03, 0.3)
    for count in {0, 1, 2, 5, int(mean), int(2 * mean) + 3, int(4 * mean) + 9}
]


def _lower(count: int, mean: float, variance: float) -> Decimal:
    """Return P(N <= count) by adding up all terms from 0 on."""
    m, v = Decimal(mean), Decimal(variance)
    r, q = m * m / (v - m), 1 - m / v
    term = (1 - q) ** r
    total = Decimal(0)
    for k in range(count + 1):
        total += term
        term *= (k + r) / (k + 1) * q
    return total


@pytest.mark.parametrize(("count", "mean", "variance"), CASES)
def test_negative_binomial_tails_are_the_sums_of_their_terms(
    count: int, mean: float, variance: float
) -> None:
    with localcontext() as context:
        context.prec = 60
        upper = float(1 - _lower(count - 1, mean, variance))
        lower = float(_lower(count, mean, variance))
    assert negative_binomial_upper(count, mean, variance) == pytest.approx(upper, rel=1e-9)
    assert negative_binomial_lower(count, mean, variance) == pytest.approx(lower, rel=1e-9)


def test_a_tail_far_out_keeps_its_precision() -> None:
    """P(N >= 20) at a mean of 0.01 is far below what 1 - P(N < 20) can be in floating point."""
    with localcontext() as context:
        context.prec = 120
        exact = float(1 - _lower(19, 0.01, 0.0116))
    assert exact < 1e-18
    assert negative_binomial_upper(20, 0.01, 0.0116) == pytest.approx(exact, rel=1e-9)


def _rising(x: Fraction, n: int) -> Fraction:
    """Return x (x + 1) ... (x + n - 1)."""
    result = Fraction(1)
    for i in range(n):
        result *= x + i
    return result


@pytest.mark.parametrize("n", [1, 4, 25, 60])
@pytest.mark.parametrize(("a", "b"), [(1, 19), (3, 5), (Fraction(1, 2), 40)])
def test_beta_binomial_tails_are_the_sums_of_exact_terms(n: int, a: Fraction, b: Fraction) -> None:
    a, b = Fraction(a), Fraction(b)
    terms = [comb(n, k) * _rising(a, k) * _rising(b, n - k) / _rising(a + b, n) for k in range(n + 1)]
    assert sum(terms) == 1
    for count in range(n + 2):
        exact = float(sum(terms[count:]))
        assert beta_binomial_upper(count, n, float(a), float(b)) == pytest.approx(exact, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("z", "tail"),
    [(0, 0.5), (1.959963984540054, 0.025), (-1.959963984540054, 0.975), (10, 7.619853024160527e-24)],
)
def test_normal_tails_are_those_of_the_table(z: float, tail: float) -> None:
    assert normal_upper(z) == pytest.approx(tail, rel=1e-12)


def test_tails_fall_with_the_count_and_rise_with_the_mean() -> None:
    tails = [negative_binomial_upper(count, 3.0, 4.5) for count in range(40)]
    assert tails == sorted(tails, reverse=True)
    by_mean = [negative_binomial_upper(9, mean / 4, 1.2 * mean / 4) for mean in range(1, 60)]
    assert by_mean == sorted(by_mean)


@pytest.mark.parametrize("n", [1, 7, 25, 400])
@pytest.mark.parametrize("share", [Fraction(1, 2000), Fraction(1, 20), Fraction(1, 2), Fraction(19, 20)])
def test_binomial_tails_are_the_sums_of_their_terms(n: int, share: Fraction) -> None:
    """Also far below and far above the mean."""
    terms = [comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    for count in {0, 1, 3, n // 3, n // 2, n - 1, n, n + 1}:
        exact = sum(terms[max(count, 0) :], Fraction(0))
        assert binomial_upper(count, n, float(share)) == pytest.approx(float(exact), rel=1e-9)


def test_binomial_tails_are_those_of_scipy() -> None:
    """For more trials than exact fractions can add up soon."""
    stats = pytest.importorskip("scipy.stats")
    for n, share, count in (
        (100_000, 0.01, 1_200),
        (100_000, 0.01, 900),
        (5_000, 0.9, 4_700),
        (960, 1e-5, 3),
    ):
        exact = stats.binom.sf(count - 1, n, share)
        assert binomial_upper(count, n, share) == pytest.approx(exact, rel=1e-8)
