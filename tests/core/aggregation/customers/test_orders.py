"""On how many days a customer bought."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.customers.entity import PurchaseDays
from stream.core.aggregation.customers.orders import add_purchase_day


def days(*each: int) -> PurchaseDays:
    found = None
    for day in each:
        found = add_purchase_day(found, day)
    assert found is not None
    return found


@given(st.lists(st.integers(0, 63), min_size=1))
def test_days_within_64_are_told_apart_in_any_order(each: list[int]) -> None:
    """Several purchases on one day are one."""
    found = days(*each)
    assert (found.first, found.last, found.count) == (min(each), max(each), len(set(each)))


@given(st.lists(st.integers(-1000, 100_000), min_size=1))
def test_in_order_they_are_told_apart_however_far(each: list[int]) -> None:
    """Years of history."""
    found = days(*sorted(each))
    assert (found.first, found.last, found.count) == (min(each), max(each), len(set(each)))
    assert found.latest < 1 << 64


def test_a_day_long_before_the_last_counts_as_another() -> None:
    """Unless it is the first: what was before the latest 64 days is only a number."""
    assert days(0, 50, 200, 50).count == 4
    assert days(0, 50, 200, 0).count == 3
