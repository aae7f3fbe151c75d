"""Names that stand out, against exact fractions."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.detection.incident_standouts import LEVEL, MAX_SHOWN, MIN_EVENTS, standing_out

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30), max_size=8)


def exact_chance(k: int, n: int, b: int, big_b: int, names: int) -> Fraction:
    """Return the number of names times the binomial tail."""
    share = (Fraction(b) + Fraction(1, 2)) / (big_b + 1)
    tail = sum(comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k, n + 1))
    return names * tail


@given(COUNTS, COUNTS, st.integers(0, 20), st.integers(0, 200))
def test_the_tail_of_each_shown_name_is_exact(
    counts: dict[str, int], before: dict[str, int], more: int, more_before: int
) -> None:
    """Each event has one name or none. Those that are shown are below the level, the others are not."""
    n, n_before = sum(counts.values()) + more, sum(before.values()) + more_before
    shown = standing_out(counts, n, before, n_before)
    names = {name for part in (counts, before) for name, k in part.items() if k}
    chances = {
        name: exact_chance(k, n, before.get(name, 0), n_before, len(names))
        for name, k in counts.items()
        if k >= MIN_EVENTS
    }
    for standout in shown:
        assert standout.events == counts[standout.name]
        assert standout.chance == pytest.approx(float(chances[standout.name]), rel=1e-8)
    below = sorted(name for name, chance in chances.items() if chance < LEVEL)
    assert len(shown) == min(len(below), MAX_SHOWN)
    assert {standout.name for standout in shown} <= set(below)
    assert [standout.chance for standout in shown] == sorted(standout.chance for standout in shown)


def test_a_name_with_its_share_of_the_baseline_does_not_stand_out() -> None:
    """Nine of ten churns always say `price`. Those that are new do, from three on."""
    before = {"price": 90, "moved": 10}
    assert standing_out({"price": 23, "moved": 2}, 25, before, 100) == ()
    (shown,) = standing_out({"price": 22, "login": 3}, 25, before, 100)
    assert (shown.name, shown.events) == ("login", 3)
    assert standing_out({"price": 23, "login": 2}, 25, before, 100) == ()


def test_without_a_baseline_a_name_of_all_stands_out() -> None:
    """Its share is one half then, so 25 of 25 are surprising, and 5 of 5 are not."""
    (shown,) = standing_out({"login": 25}, 25, {}, 0)
    assert shown.chance == pytest.approx(0.5**25)
    assert standing_out({"login": 5}, 5, {}, 0) == ()


def test_names_are_corrected_for_their_number() -> None:
    """A code that stands out among two does not among two hundred."""
    before = {"login": 5, "price": 95}
    assert [shown.name for shown in standing_out({"login": 6}, 25, before, 100)] == ["login"]
    many = {f"code {n}": 1 for n in range(200)}
    assert standing_out({"login": 6}, 25, {"login": 15, "price": 85, **many}, 300) == ()


def test_names_for_others_are_counted_and_not_shown() -> None:
    assert standing_out({"unknown": 25}, 25, {"price": 100}, 100, unnamed={"unknown"}) == ()
