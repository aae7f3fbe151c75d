"""Changes from the window before, by published and worked cases."""

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


@pytest.mark.parametrize(
    "change", [of_shares(3, 3, 0, 2), of_shares(400, 400, 399, 400), of_means(50, 1, 29, 0, 1, 500)]
)
def test_too_few_answers_for_a_test(change: Change) -> None:
    """Three of three after none of two are no evidence. Neither are shares next to all or nothing."""
    assert change.difference > 0
    assert change[1:] == (None, None, None)


@given(counts, counts)
def test_a_change_of_shares_and_back(now: tuple[int, int], before: tuple[int, int]) -> None:
    """The interval contains the difference, is the mirror image of the way back, and agrees with the test far from 0."""
    (yes, no), (yes_before, no_before) = now, before
    change = of_shares(yes, yes + no, yes_before, yes_before + no_before)
    back = of_shares(yes_before, yes_before + no_before, yes, yes + no)
    assert back.difference == -change.difference
    if change.low is None or change.high is None or change.p is None:
        assert back.p is None
        return
    assert change.low <= change.difference <= change.high
    assert back.low == pytest.approx(-change.high)
    assert back.high == pytest.approx(-change.low)
    assert back.p == pytest.approx(change.p)
    if change.p < 0.01:
        assert change.low > 0 or change.high < 0
    if change.p > 0.2:
        assert change.low < 0 < change.high


def test_equal_answers_have_no_variance_and_no_test() -> None:
    """All promoters before and after."""
    assert of_means(
        100, variance(answers(40)), MIN_ANSWERS, 100, variance(answers(40)), MIN_ANSWERS
    ) == Change(0)
