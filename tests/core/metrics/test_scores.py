"""NPS, CSAT and CES in worked cases."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation.feedback import Feedback
from stream.core.metrics import ces, csat, nps
from stream.core.model.confidence import adjusted_wald, wilson
from tests.support import DAY, NOW, Event, count, figures


def read(
    metric: Any, survey: str, scores: list[int], now: int = NOW, **fields: Any
) -> dict[tuple[str, ...], float]:
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{i}", survey=survey, score=score, **fields), NOW, NOW)
        for i, score in enumerate(scores)
    ]
    return figures(metric.METRIC, count(Feedback(), events), now)


def test_nps_1() -> None:
    """Four promoters, two passives, four detractors."""
    by_series = read(nps, "nps", [10, 9, 9, 8, 7, 6, 3, 0, 10, 5])
    assert [by_series["cx_nps_responses", c] for c in nps.CATEGORIES] == [4, 2, 4]
    assert by_series["cx_nps_score",] == 0
    assert by_series["cx_nps_score_low",] == pytest.approx(-46.47, abs=0.005)
    assert by_series["cx_nps_score_high",] == pytest.approx(46.47, abs=0.005)


def test_nps_2() -> None:
    """110 promoters, 50 passives, 40 detractors: 35.0, adjusted 34.48 +- 10.90."""
    by_series = read(nps, "nps", [9] * 110 + [8] * 50 + [0] * 40)
    assert by_series["cx_nps_score",] == 35
    low, high = by_series["cx_nps_score_low",], by_series["cx_nps_score_high",]
    assert (low + high) / 2 == pytest.approx(34.48, abs=0.005)
    assert (high - low) / 2 == pytest.approx(10.90, abs=0.005)


def test_nps_5_an_empty_window_has_counts_of_zero_and_no_score() -> None:
    """The score is absent, not 0."""
    by_series = read(nps, "nps", [10], now=NOW + 2 * DAY)
    assert by_series == {("cx_nps_responses", c): 0 for c in nps.CATEGORIES} | {
        ("cx_nps_premature_responses",): 0
    }


@pytest.mark.parametrize(
    ("promoters", "detractors", "n", "low", "high"),
    [
        (1, 0, 1, -48.50, 100),
        (0, 1, 1, -100, 48.50),
        (0, 0, 1, -60.01, 60.01),
        (8, 0, 8, 38.54, 100),
        (0, 8, 8, -100, -38.54),
        (2, 1, 3, -51.33, 84.67),
    ],
)
def test_nps_bounds_of_few_answers(promoters: int, detractors: int, n: int, low: float, high: float) -> None:
    """They are within the scale and include the score."""
    assert adjusted_wald(promoters, detractors, n) == pytest.approx((low, high), abs=0.005)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_bounds_are_within_the_scale_and_include_the_score(
    promoters: int, passives: int, detractors: int
) -> None:
    """Exactly, not only nearly."""
    n = promoters + passives + detractors
    assume(n)
    low, high = adjusted_wald(promoters, detractors, n)
    assert -100 <= low <= 100 * (promoters - detractors) / n <= high <= 100
    low, high = wilson(promoters, n)
    assert 0 <= low <= promoters / n <= high <= 1


def test_str_1_windows_merge_parts_not_scores() -> None:
    """Ten answers at 100 and ninety at 0 give 10.0, not the mean of the days."""
    first_day = [
        Event(FeedbackSubmitted(feedback_id=f"a{i}", survey="nps", score=10), NOW - DAY, NOW)
        for i in range(10)
    ]
    second_day = [
        Event(FeedbackSubmitted(feedback_id=f"b{i}", survey="nps", score=10 if i < 45 else 0), NOW, NOW)
        for i in range(90)
    ]
    assert figures(nps.METRIC, count(Feedback(), first_day + second_day), NOW, "7d")["cx_nps_score",] == 10


def test_csat_1() -> None:
    """On 1 to 5: 62.5 %, normalised 65.625, Wilson 30.57 to 86.32."""
    by_series = read(csat, "csat", [5, 5, 4, 3, 2, 1, 4, 5])
    assert by_series["cx_csat_ratio",] == 0.625
    assert by_series["cx_csat_score",] == 65.625
    assert by_series["cx_csat_ratio_low",] == pytest.approx(0.3057, abs=5e-5)
    assert by_series["cx_csat_ratio_high",] == pytest.approx(0.8632, abs=5e-5)


def test_csat_2() -> None:
    """On 1 to 10 the top two are 9 and 10: 37.5 %, normalised 69.44."""
    by_series = read(csat, "csat", [10, 9, 8, 7, 6, 5, 10, 3], scale=(1, 10))
    assert by_series["cx_csat_ratio",] == 0.375
    assert by_series["cx_csat_score",] == pytest.approx(69.444, abs=5e-4)


@pytest.mark.parametrize(
    ("scale", "satisfied"),
    [((1, 2), 1), ((1, 3), 1), ((1, 4), 2), ((0, 3), 2), ((0, 4), 2), ((1, 7), 2), ((0, 1), 1)],
)
def test_satisfied_are_the_top_points_of_the_scale(scale: tuple[int, int], satisfied: int) -> None:
    """Two points of a scale of four or more, else one."""
    by_series = read(csat, "csat", list(range(scale[0], scale[1] + 1)), scale=scale)
    assert by_series["cx_csat_responses", "true"] == satisfied


def test_satisfaction_on_scales_of_four_and_two_points() -> None:
    """4, 3 and 3 of four points, and a thumb up, are satisfied."""
    answers = [(4, (1, 4)), (3, (1, 4)), (3, (1, 4)), (1, (1, 4)), (1, (0, 1))]
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{i}", survey="csat", score=score, scale=scale), NOW, NOW)
        for i, (score, scale) in enumerate(answers)
    ]
    by_series = figures(csat.METRIC, count(Feedback(), events), NOW)
    assert (by_series["cx_csat_responses", "true"], by_series["cx_csat_responses", "false"]) == (4, 1)


def test_csat_4() -> None:
    """Eight good, two bad: 80 %, Wilson 49.02 to 94.33."""
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=5e-5), pytest.approx(0.9433, abs=5e-5))


def test_ces_1() -> None:
    """Effort on 1 to 5: ease 70.0, easy 80 %."""
    by_series = read(ces, "ces", [1, 2, 2, 5, 1])
    assert (by_series["cx_ces_score",], by_series["cx_ces_easy_ratio",]) == (70, 0.8)


def test_raw_means_are_those_of_each_scale_and_direction() -> None:
    """CES-1: 2.2 of effort, 4.857 of ease in CES-2, beside each other. The other figures are of both."""
    answers = [
        *({"score": score} for score in (1, 2, 2, 5, 1)),
        *({"score": score, "scale": (1, 7), "direction": "ease"} for score in (7, 6, 5, 4, 2, 7, 3)),
        {"score": -3, "scale": (-5, 0)},
        {"score": None},
    ]
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{i}", survey="ces", **fields), NOW, NOW)  # type: ignore[arg-type]
        for i, fields in enumerate(answers)
    ]
    by_series = figures(ces.METRIC, count(Feedback(), events), NOW)
    assert by_series["cx_ces_raw_mean", "1-5", "effort"] == 2.2
    assert by_series["cx_ces_raw_mean", "1-7", "ease"] == pytest.approx(4.857, abs=5e-4)
    assert by_series["cx_ces_raw_mean", "-5-0", "effort"] == -3
    assert by_series["cx_ces_raw_responses", "1-7", "ease"] == 7
    assert by_series["cx_ces_responses", "true"] + by_series["cx_ces_responses", "false"] == 13


def test_scales_past_the_cap_have_no_raw_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their answers count in all other figures."""
    monkeypatch.setattr("stream.core.aggregation.cardinality.MAX_CODES", 2)
    events = [
        Event(FeedbackSubmitted(feedback_id=f"r{i}", survey="ces", score=1, scale=(1, 5 + i)), NOW, NOW)
        for i in range(4)
    ]
    by_series = figures(ces.METRIC, count(Feedback(), events), NOW)
    assert [labels[0] for name, *labels in by_series if name == "cx_ces_raw_mean"] == ["1-5", "1-6"]
    assert by_series["cx_ces_responses", "true"] == 4


def test_ces_2() -> None:
    """Ease on 1 to 7: 64.29, easy 57.14 %."""
    by_series = read(ces, "ces", [7, 6, 5, 4, 2, 7, 3], scale=(1, 7), direction="ease")
    assert by_series["cx_ces_score",] == pytest.approx(64.2857, abs=5e-5)
    assert by_series["cx_ces_easy_ratio",] == pytest.approx(4 / 7)
