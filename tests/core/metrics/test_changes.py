"""Changes from the window before, by published and worked cases."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.metrics.changes import MIN_ANSWERS, Change, of_means, of_shares
from stream.core.metrics.nps import CATEGORIES, variance

counts = st.tuples(st.integers(0, 500), st.integers(0, 500)).filter(any)


def answers(*counts: int) -> dict[tuple[str, ...], float]:
    """Return promoters, passives and detractors as samples."""
    return {(category,): n for category, n in zip(CATEGORIES, counts, strict=False)}


def test_two_scores_of_nps() -> None:
    """35 of 200 answers, then 20 of 200: no significant change."""
    now, before = answers(100, 40, 60), answers(110, 50, 40)
    change = of_means(20, variance(now), 200, 35, variance(before), 200)
    assert variance(before) == pytest.approx(6275)
    assert (change.difference, change.p) == (-15, pytest.approx(0.0717, abs=5e-5))
    assert (change.low, change.high) == (pytest.approx(-31.32, abs=0.01), pytest.approx(1.32, abs=0.01))


def test_two_shares() -> None:
    """R. G. Newcombe, Statistics in Medicine 17, 1998, table II (a), method 10."""
    change = of_shares(56, 70, 48, 80)
    assert change.difference == pytest.approx(0.2)
    assert (change.low, change.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert change.p == pytest.approx(0.00804, abs=1e-5)


def test_too_few_answers_for_a_test_of_means() -> None:
    """Their variance is known too badly."""
    assert of_means(50, 1, 29, 0, 1, 500) == Change(50)


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        (
            (3, 4, 1, 4),
            34 / 70,
        ),  # R. A. Fisher, The Design of Experiments, 1935: the lady tasting tea, two-sided
        ((3, 3, 0, 2), 0.1),
        ((400, 400, 399, 400), 1),
    ],
)
def test_shares_of_few_answers(counts: tuple[int, int, int, int], p: float) -> None:
    """By the exact test. Three of three after none of two are no evidence."""
    assert of_shares(*counts).p == pytest.approx(p)


def test_few_answers_before_can_suffice() -> None:
    """22 of 82 after 9 of 9."""
    change = of_shares(22, 82, 9, 9)
    assert change.p is not None
    as_unlikely = [n for k in range(22, 32) if (n := comb(82, k) * comb(9, 31 - k)) <= comb(82, 22)]
    assert change.p == pytest.approx(sum(as_unlikely) / comb(91, 31))


@given(counts, counts)
def test_a_change_of_shares_and_back(now: tuple[int, int], before: tuple[int, int]) -> None:
    """The interval contains the difference, is the mirror image of the way back, and agrees with the test far from 0."""
    (yes, no), (yes_before, no_before) = now, before
    change = of_shares(yes, yes + no, yes_before, yes_before + no_before)
    back = of_shares(yes_before, yes_before + no_before, yes, yes + no)
    assert back.difference == -change.difference
    assert change.low is not None
    assert change.high is not None
    assert change.p is not None
    assert change.low <= change.difference <= change.high
    assert back.low == pytest.approx(-change.high)
    assert back.high == pytest.approx(-change.low)
    assert back.p == pytest.approx(change.p)
    if change.p < 0.01:
        assert change.low > 0 or change.high < 0
    if change.p > 0.5:
        assert change.low <= 0 <= change.high


@pytest.mark.parametrize(
    ("score", "now", "expected"),
    [(100, answers(40), Change(0, 0, 0, 1)), (0, answers(0, 40), Change(-100, -100, -100, 0))],
)
def test_equal_answers_have_no_variance(
    score: float, now: dict[tuple[str, ...], float], expected: Change
) -> None:
    """All promoters before, then all promoters or all passives. They are not too few to tell."""
    change = of_means(score, variance(now), MIN_ANSWERS, 100, variance(answers(40)), MIN_ANSWERS)
    assert change == expected
