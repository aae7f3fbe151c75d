"""The histogram of durations: within one per cent of the nearest rank, and it subtracts."""

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
    made: Vector = {}
    for value in values:
        record(made, BASE, value)
    return made


@given(durations)
def test_a_bucket_stands_for_what_it_holds_within_one_per_cent(ms: int) -> None:
    """Exact below 128 ms, 0 among it; every bucket is a component of its distribution."""
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
    """The ceil(q n)-th smallest."""
    shown = quantiles(distribution(values), BASE, (1, 50, 90, 99, 100))
    for percent, value in zip((1, 50, 90, 99, 100), shown, strict=True):
        exact = sorted(values)[ceil(len(values) * percent / 100) - 1]
        assert abs(value - exact) <= exact / 100


@given(st.lists(durations, min_size=1))
def test_the_mean_is_exact(values: list[int]) -> None:
    """Sums are integers of any size."""
    assert mean(distribution(values), BASE) == sum(values) / len(values)


@given(st.lists(durations), st.lists(durations))
def test_what_was_added_can_be_taken_back_in_any_order(stay: list[int], go: list[int]) -> None:
    """All and some less some is the rest, component by component."""
    made = distribution([*go, *stay])
    for value in go:
        add(made, distribution([value]), -1)
    assert made == distribution(stay)


def test_distributions_do_not_meet() -> None:
    """Neighbours in one vector keep to their components."""
    both = distribution([0, 5_000])
    record(both, BASE + SPAN, 2**60)
    record(both, BASE - SPAN, 2**60)
    assert quantiles(both, BASE, (50, 100)) == [0, bucket_midpoint(bucket_of(5_000))]
    assert both[BASE + COUNT] == 2


@given(st.lists(durations), st.lists(durations))
def test_distributions_of_one_vector_add_up(some: list[int], others: list[int]) -> None:
    """Two of three are as one that holds all of both."""
    made = distribution(some)
    for value in others:
        record(made, 0, value)
    record(made, SPAN, 7)
    assert merge(made, 0, BASE) == merge(distribution([*some, *others]), BASE)


@given(st.lists(durations, max_size=40))
def test_components_fit_in_64_bits(values: list[int]) -> None:
    """A million times the largest that may come does not outgrow what a record can hold."""
    assert all(abs(n) * 1_000_000 < 2**63 for n in distribution([*values, 2**60]).values())
