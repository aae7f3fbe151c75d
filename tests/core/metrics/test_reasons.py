"""The impact of reasons on NPS and CSAT, from answers."""

from collections import Counter
from fractions import Fraction
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import from_ms
from stream.core.aggregation import cardinality
from stream.core.aggregation.feedback import Feedback
from stream.core.metrics.reason_impact import impact_on_nps
from stream.core.metrics.reasons import MAX_IMPACTS, METRIC
from tests.core.aggregation.feedback.events import answer, deletion
from tests.support import NOW, Event, aggregation_config, count, figures

CODES = ("delivery", "price", "staff")
answers = st.lists(
    st.tuples(
        st.sampled_from(["nps", "csat", "ces", "exit"]),
        st.none() | st.integers(1, 5) | st.sampled_from([7, 8, 9, 10]),
        st.sets(st.sampled_from(CODES)),
        st.sampled_from(["plain", "premature", "deleted"]),
        st.sampled_from(["web", "app"]),
    ),
    max_size=25,
)
"""Survey, score, reasons, kind and channel of single answers."""


def of_reasons(events: list[Event], **where: object) -> dict[tuple[str, ...], float]:
    return figures(METRIC, count(Feedback(), events), NOW, **where)


def impacts(events: list[Event], family: str = "cx_nps_reason_impact") -> dict[str, float]:
    """Return the impacts by reason."""
    return {labels[0]: value for (name, *labels), value in of_reasons(events).items() if name == family}


def group(name: str, scores: dict[int, int], *reasons: str, survey: str = "nps") -> list[Event]:
    """Return answers with these reasons: their number by score."""
    given_scores = [score for score, n in scores.items() for _ in range(n)]
    return [
        answer(f"{name}{i}", score, survey=survey, reasons=reasons) for i, score in enumerate(given_scores)
    ]


def test_a_reason_that_lowers_the_score() -> None:
    """NPS 20 of 100 answers. Without the 20 that name delivery it is 40."""
    events = group("d", {10: 2, 8: 4, 0: 14}, "delivery") + group("o", {10: 48, 8: 16, 0: 16})
    by_series = of_reasons(events)
    expected = impact_on_nps((2, 4, 14), (50, 20, 30))
    assert expected is not None
    assert by_series["cx_nps_reason_impact", "delivery"] == pytest.approx(-20)
    assert by_series["cx_nps_reason_impact_low", "delivery"] == expected.low
    assert by_series["cx_nps_reason_impact_high", "delivery"] == expected.high
    assert by_series["cx_feedback_reasons", "nps", "delivery"] == 20
    responses = {
        labels[1]: n for (name, *labels), n in by_series.items() if name == "cx_nps_reason_responses"
    }
    assert responses == {"promoter": 2, "passive": 4, "detractor": 14}
    assert len(by_series) == 7


def test_an_answer_that_changes_its_class_moves_the_impact() -> None:
    """A revision, and a deletion."""
    events = [answer("a", 0, reasons=("price",)), answer("b", 10), answer("c", 10)]
    assert impacts(events) == {"price": pytest.approx(100 / 3 - 100)}
    assert impacts([*events, answer("a", 8, revision=1, reasons=("price",))]) == {
        "price": pytest.approx(200 / 3 - 100)
    }
    assert impacts([*events, deletion("a")]) == {}


def test_satisfaction_by_the_scale_of_the_answer() -> None:
    """8 of 10 is not satisfied, 9 of 10 is."""
    events = [
        answer("a", 8, survey="csat", scale=(1, 10), reasons=("price",)),
        answer("b", 9, survey="csat", scale=(1, 10), reasons=("staff",)),
    ]
    assert impacts(events, "cx_csat_reason_impact") == {"price": -0.5, "staff": 0.5}
    by_series = of_reasons(events)
    assert by_series["cx_csat_reason_responses", "price", "false"] == 1
    assert by_series["cx_csat_reason_responses", "price", "true"] == 0


def test_a_reason_of_all_answers_has_no_impact() -> None:
    """Without them there is no score. A premature answer is not in the score."""
    named = answer("a", 9, reasons=("price",))
    premature = answer("b", 0, transaction_time=from_ms(NOW + 1), reasons=("staff",))
    assert impacts([named, premature]) == {}
    assert impacts([named, premature, answer("c", 0)]) == {"price": 100}


def test_the_reasons_of_the_most_answers_have_an_impact() -> None:
    """Of equal counts the first codes by name do. `metrics.top` lowers their number."""
    codes = [f"code-{i:02}" for i in range(MAX_IMPACTS + 2)]
    events = [answer(code, 9, reasons=(code,)) for code in codes]
    events += [answer("more", 0, reasons=codes[-1:]), answer("none", 10)]
    assert sorted(impacts(events)) == [*codes[: MAX_IMPACTS - 1], codes[-1]]
    fewer = figures(METRIC, count(Feedback(), events, aggregation_config(top=2)), NOW)
    assert [labels for name, *labels in fewer if name == "cx_nps_reason_impact"] == [[codes[-1]], [codes[0]]]


def test_codes_beyond_the_limit_have_no_impact_together() -> None:
    """An answer that names two of them counts once."""
    with patch.object(cardinality, "MAX_CODES", 1):
        events = [answer("a", 9, reasons=("known",)), answer("b", 0, reasons=("second", "third"))]
        by_series = of_reasons(events)
    assert by_series["cx_feedback_reasons", "nps", "__other__"] == 1
    assert {labels[0] for name, *labels in by_series if name == "cx_nps_reason_impact"} == {"known"}


@given(answers)
def test_random_answers_equal_the_scores_recomputed_without_a_reason(drawn: list[tuple]) -> None:
    """By channel and in total, from single answers."""
    events, counted = [], []
    for i, (survey, drawn_score, reasons, kind, channel) in enumerate(drawn):
        score = drawn_score if survey == "nps" or drawn_score is None else min(drawn_score, 5)
        early = {"transaction_time": from_ms(NOW + 1)} if kind == "premature" else {}
        events.append(answer(f"{i}", score, survey=survey, reasons=tuple(reasons), channel=channel, **early))
        if kind == "deleted":
            events.append(deletion(f"{i}"))
        elif score is not None and not (survey == "nps" and early):
            counted.append((survey, points(survey, score), reasons, channel))
    for view, values in (("total", ()), ("channel", ("web",)), ("channel", ("app",))):
        here = [row[:3] for row in counted if not values or row[3] == values[0]]
        by_series = {
            (name, labels[0]): value
            for (name, *labels), value in of_reasons(events, view=view, values=values).items()
            if name.endswith("_reason_impact")
        }
        assert by_series == pytest.approx(dict(expected_impacts(here)))


def points(survey: str, score: int) -> int:
    """Return the points of one answer, of which a score is the mean."""
    if survey == "nps":
        return 100 if score >= 9 else 0 if score >= 7 else -100
    return int(score >= 4)


def expected_impacts(rows: list[tuple[str, int, set[str]]]) -> list[tuple[tuple[str, str], float]]:
    """Return the impacts by family and reason from the survey, points and reasons of single answers."""
    expected = []
    for survey in ("nps", "csat"):
        scores = [(value, reasons) for of_survey, value, reasons in rows if of_survey == survey]
        for reason in Counter(reason for _, reasons in scores for reason in reasons):
            without = [value for value, reasons in scores if reason not in reasons]
            if without:
                impact = mean([value for value, _ in scores]) - mean(without)
                expected.append(((f"cx_{survey}_reason_impact", reason), float(impact)))
    return expected


def mean(values: list[int]) -> Fraction:
    return Fraction(sum(values), len(values))
