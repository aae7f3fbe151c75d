"""The split of a change into mix and rate, against brute force over single answers."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.metrics.decomposition import Effect, Group, decompose, remainder

Answers = list[tuple[str, int]]
"""Label and points of single answers."""

answers = st.lists(
    st.tuples(st.sampled_from(["web", "app", "phone", "store"]), st.sampled_from([-100, 0, 100])),
    min_size=1,
    max_size=30,
)


def grouped(given_answers: Answers) -> dict[str, Group[Fraction]]:
    """Return the answers by label."""
    points: dict[str, list[int]] = {}
    for label, score in given_answers:
        points.setdefault(label, []).append(score)
    return {
        label: Group(Fraction(len(scores)), Fraction(sum(scores), len(scores)))
        for label, scores in points.items()
    }


def mean(given_answers: Answers) -> Fraction:
    """Return the overall mean."""
    return Fraction(sum(score for _, score in given_answers), len(given_answers))


@given(answers, answers)
def test_parts_add_up_to_the_change(now: Answers, before: Answers) -> None:
    """Exactly, in fractions. A label of one window only has no rate."""
    effects = decompose(grouped(now), grouped(before))
    assert sum(mix + rate for mix, rate in effects.values()) == mean(now) - mean(before)
    assert effects.keys() == {label for label, _ in now + before}
    for label, effect in effects.items():
        if label not in dict(now) or label not in dict(before):
            assert effect.rate == 0


@given(answers, answers)
def test_equals_the_formula_over_single_answers(now: Answers, before: Answers) -> None:
    """Shares and means counted anew for every label, with the mean of the other window where a label is absent."""
    average = (mean(now) + mean(before)) / 2
    for label, effect in decompose(grouped(now), grouped(before)).items():
        of_label = [[answer for answer in period if answer[0] == label] for period in (now, before)]
        share, share_before = (
            Fraction(len(some), len(period)) for some, period in zip(of_label, (now, before), strict=True)
        )
        mean_now, mean_before = (mean(some or other) for some, other in (of_label, reversed(of_label)))
        assert effect.mix == (share - share_before) * ((mean_now + mean_before) / 2 - average)
        assert effect.rate == (mean_now - mean_before) * (share + share_before) / 2


@given(answers, answers)
def test_the_way_back_has_the_opposite_effects(now: Answers, before: Answers) -> None:
    """Neither window is the base."""
    effects = decompose(grouped(now), grouped(before))
    back = decompose(grouped(before), grouped(now))
    assert back == {label: Effect(-mix, -rate) for label, (mix, rate) in effects.items()}


def test_a_worked_case() -> None:
    """Web keeps 50 while its share halves, and phone falls from 0 to -20: the score falls from 40 to 8.

    Before: web 80 of 100 answers at 50, phone 20 at 0: 40. Now: web 40 of 100 at 50, phone 60 at -20: 8.
    """
    effects = decompose(
        {"web": Group(40.0, 50.0), "phone": Group(60.0, -20.0)},
        {"web": Group(80.0, 50.0), "phone": Group(20.0, 0.0)},
    )
    assert effects["web"] == pytest.approx((-0.4 * (50 - 24), 0))
    assert effects["phone"] == pytest.approx((0.4 * (-10 - 24), -20 * 0.4))
    assert sum(map(sum, effects.values())) == pytest.approx(8 - 40)


@given(answers, st.sets(st.sampled_from(["web", "app", "phone", "store"])))
def test_the_remainder_is_the_answers_in_no_group(given_answers: Answers, labels: set[str]) -> None:
    """None if every answer is in a group."""
    overall = Group(Fraction(len(given_answers)), mean(given_answers))
    shown = {label: group for label, group in grouped(given_answers).items() if label in labels}
    others = [answer for answer in given_answers if answer[0] not in labels]
    expected = Group(Fraction(len(others)), mean(others)) if others else None
    assert remainder(overall, shown) == expected
