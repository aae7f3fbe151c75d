"""The impact of reasons, by a worked case and against brute force over single answers."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.metrics.changes import of_shares
from stream.core.metrics.nps import CATEGORIES, variance
from stream.core.metrics.reason_impact import Impact, impact_on_csat, impact_on_nps, shares
from stream.core.model.confidence import Z

answers = st.lists(st.tuples(st.sampled_from([100, 0, -100]), st.booleans()), min_size=1, max_size=40)
"""Points of single answers, and whether they name the reason."""


def test_a_reason_that_lowers_the_score() -> None:
    """NPS 20 of 100 answers. Without the 20 that name delivery (2 promoters, 14 detractors) it is 40."""
    everyone = (50, 20, 30)
    impact = impact_on_nps((2, 4, 14), everyone)
    assert impact is not None
    assert impact.value == pytest.approx(20 - 40)
    assert impact.low < -20 < impact.high < 0
    assert shares((2, 4, 14), everyone) == (2 / 50, 4 / 20, 14 / 30)
    assert shares((0, 0), (3, 0)) == (0, None)


@given(answers)
def test_equals_the_score_less_that_without_the_answers(drawn: list[tuple[int, bool]]) -> None:
    """Recomputed without the answers that name the reason. Also for the share of the best class."""
    naming = tuple(sum(named for points, named in drawn if points == of) for of in (100, 0, -100))
    everyone = tuple(sum(points == of for points, _ in drawn) for of in (100, 0, -100))
    without = [points for points, named in drawn if not named]
    impact = impact_on_nps(naming, everyone)
    satisfaction = impact_on_csat((naming[0], sum(naming[1:])), (everyone[0], sum(everyone[1:])))
    if len(without) in (0, len(drawn)):
        assert impact is satisfaction is None
        return
    score, score_without = (sum(some) / len(some) for some in ([p for p, _ in drawn], without))
    assert impact is not None
    assert satisfaction is not None
    assert impact.value == pytest.approx(score - score_without)
    assert impact.low <= impact.value <= impact.high
    best, best_without = everyone[0] / len(drawn), without.count(100) / len(without)
    assert satisfaction.value == pytest.approx(best - best_without)
    assert satisfaction.low <= satisfaction.value <= satisfaction.high


@given(st.tuples(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300), st.integers(1, 300)))
def test_bounds_of_shares_are_those_of_a_difference(counts: tuple[int, int, int, int]) -> None:
    """The share of answers that name the reason times Newcombe's interval, which has a published table."""
    yes, no, other_yes, other_no = counts
    impact = impact_on_csat((yes, no), (yes + other_yes, no + other_no))
    change = of_shares(yes, yes + no, other_yes, other_yes + other_no)
    share = (yes + no) / sum(counts)
    assert impact is not None
    assert change.low is not None
    assert change.high is not None
    assert impact == pytest.approx(Impact(share * change.difference, share * change.low, share * change.high))


def test_bounds_of_many_answers_are_those_of_the_normal_distribution() -> None:
    """The error of a difference of two means of independent answers."""
    naming, others = (200_000, 100_000, 300_000), (900_000, 400_000, 500_000)
    impact = impact_on_nps(naming, (1_100_000, 500_000, 800_000))
    errors = [
        variance({(category,): n for category, n in zip(CATEGORIES, some, strict=True)}) / sum(some)
        for some in (naming, others)
    ]
    assert impact is not None
    for bound in (impact.value - impact.low, impact.high - impact.value):
        assert bound == pytest.approx(6 / 24 * Z * sqrt(sum(errors)), rel=0.001)
