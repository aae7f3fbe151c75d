"""The histogram of durations: quantiles within one per cent of the nearest rank, and subtraction."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from stream.core.model.aggregate import MAX_COMPONENTS, Vector, add
from stream.core.model.histogram import (
    BUCKETS,
    COUNT,
    SPAN,
    bucket_midpoint,
    bucket_of,
    mean,
    merge,
    quantiles,
    record,
)

durations = st.one_of(st.integers(0, 300), st.integers(0, 10**9), st.integers(0, 2**60))
BASE = 2 * SPAN


def distribution(values: list[int]) -> Vector:
    vector: Vector = {}
    for value in values:
        record(vector, BASE, value)
    return vector


@given(durations)
def test_a_bucket_midpoint_is_within_one_per_cent_of_its_durations(ms: int) -> None:
    """Exact below 128 ms. Every bucket is a component of its distribution."""
    value = bucket_midpoint(bucket_of(ms))
    assert abs(value - ms) <= ms / 128
    assert ms >= 128 or value == ms
    assert 0 <= BUCKETS + bucket_of(ms) < SPAN
    assert 4 * SPAN <= MAX_COMPONENTS


@given(durations, durations)
def test_buckets_are_in_the_order_of_durations(a: int, b: int) -> None:
    """A longer duration is never in an earlier bucket."""
    assert bucket_of(min(a, b)) <= bucket_of(max(a, b))


@given(st.lists(durations, min_size=1))
def test_quantiles_are_within_one_per_cent_of_the_nearest_rank(values: list[int]) -> None:
    """Compared with the ceil(q n)-th smallest value."""
    values_shown = quantiles(distribution(values), BASE, (1, 50, 90, 99, 100))
    for percent, value in zip((1, 50, 90, 99, 100), values_shown, strict=True):
        exact = sorted(values)[ceil(len(values) * percent / 100) - 1]
        assert abs(value - exact) <= exact / 100


@given(st.lists(durations, min_size=1))
def test_the_mean_is_exact(values: list[int]) -> None:
    """Sums are integers of any size."""
    assert mean(distribution(values), BASE) == sum(values) / len(values)


@given(st.lists(durations), st.lists(durations))
def test_values_can_be_subtracted_in_any_order(remaining: list[int], removed: list[int]) -> None:
    """Adding and subtracting values leaves the others, component by component."""
    vector = distribution([*removed, *remaining])
    for value in removed:
        add(vector, distribution([value]), -1)
    assert vector == distribution(remaining)


@given(st.lists(durations), st.lists(durations))
def test_a_retracted_duration_leaves_the_others(remaining: list[int], removed: list[int]) -> None:
    """Components may become 0 only."""
    vector = distribution([*removed, *remaining])
    for value in removed:
        record(vector, BASE, value, -1)
    assert {component: n for component, n in vector.items() if n} == distribution(remaining)


def test_distributions_of_one_vector_do_not_overlap() -> None:
    """Neighbours in one vector have separate components."""
    neighbours = distribution([0, 5_000])
    record(neighbours, BASE + SPAN, 2**60)
    record(neighbours, BASE - SPAN, 2**60)
    assert quantiles(neighbours, BASE, (50, 100)) == [0, bucket_midpoint(bucket_of(5_000))]
    assert neighbours[BASE + COUNT] == 2


@given(st.lists(durations), st.lists(durations))
def test_distributions_of_one_vector_add_up(first: list[int], second: list[int]) -> None:
    """Merging two of three distributions equals one with the values of both."""
    vector = distribution(first)
    for value in second:
        record(vector, 0, value)
    record(vector, SPAN, 7)
    assert merge(vector, 0, BASE) == merge(distribution([*first, *second]), BASE)


@given(st.lists(durations, max_size=40))
def test_components_fit_in_64_bits(values: list[int]) -> None:
    """A million of the largest durations fit in a stored integer."""
    assert all(abs(n) * 1_000_000 < 2**63 for n in distribution([*values, 2**60]).values())
