"""Which clock differs from the majority."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.model.clock_comparison import MAX_DIFFERENCE, compare, majority
from tests.support import DAY, HOUR, MINUTE, NOW

readings = st.lists(st.sampled_from([0, 1_000, MINUTE, MINUTE + 1, -20 * MINUTE, HOUR, 40 * DAY]), max_size=7)


@given(readings)
def test_a_majority_is_more_than_half_of_the_clocks(offsets: list[int]) -> None:
    """If more than half of the clocks agree with each other, one of them is the median."""
    middle = majority(offsets)
    largest = max((sum(0 <= b - a <= MAX_DIFFERENCE for b in offsets) for a in offsets), default=0)
    if 2 * largest > len(offsets):
        assert middle is not None
    if middle is not None:
        assert middle in offsets
        assert 2 * sum(abs(offset - middle) <= MAX_DIFFERENCE for offset in offsets) > len(offsets)


def test_the_clock_that_differs_is_named() -> None:
    """Whether it is a worker, the broker or the own one, and whether it is ahead or behind."""
    right = {"own": NOW, "worker a": NOW + 900, "worker b": NOW - 4_000, "broker": NOW}
    assert compare(right, "own").differing == {}
    for name in right:
        for jump in (HOUR, 40 * DAY, -20 * MINUTE):
            comparison = compare(right | {name: NOW + jump}, "own")
            assert comparison.has_majority
            assert list(comparison.differing) == [name]
            assert abs(comparison.differing[name] - jump) <= 5_000


def test_a_minute_is_no_difference() -> None:
    """More than a minute is."""
    clocks = {"own": NOW, "worker a": NOW, "broker": NOW + MINUTE}
    assert compare(clocks, "own").differing == {}
    assert compare(clocks | {"broker": NOW + MINUTE + 1}, "own").differing == {"broker": MINUTE + 1}


def test_without_a_majority_clocks_are_compared_with_the_own_one() -> None:
    """Two clocks that differ are no majority, nor are two against two."""
    comparison = compare({"own": NOW, "worker a": NOW - HOUR}, "own")
    assert (comparison.has_majority, comparison.differing) == (False, {"worker a": -HOUR})
    split = compare({"own": NOW, "worker a": NOW, "worker b": NOW + HOUR, "broker": NOW + HOUR}, "own")
    assert (split.has_majority, split.differing) == (False, {"worker b": HOUR, "broker": HOUR})
