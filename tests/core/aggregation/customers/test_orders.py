"""The number of days on which a customer bought."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.customers.entity import PurchaseDays
from stream.core.aggregation.customers.orders import add_purchase_day


def days(*day_numbers: int) -> PurchaseDays:
    purchase_days = None
    for day in day_numbers:
        purchase_days = add_purchase_day(purchase_days, day)
    assert purchase_days is not None
    return purchase_days


@given(st.lists(st.integers(0, 63), min_size=1))
def test_days_within_64_are_distinguished_in_any_order(day_numbers: list[int]) -> None:
    """Several purchases on one day are one."""
    purchase_days = days(*day_numbers)
    assert (purchase_days.first, purchase_days.last, purchase_days.count) == (
        min(day_numbers),
        max(day_numbers),
        len(set(day_numbers)),
    )


@given(st.lists(st.integers(-1000, 100_000), min_size=1))
def test_days_in_order_are_distinguished_at_any_distance(day_numbers: list[int]) -> None:
    """Years of history."""
    purchase_days = days(*sorted(day_numbers))
    assert (purchase_days.first, purchase_days.last, purchase_days.count) == (
        min(day_numbers),
        max(day_numbers),
        len(set(day_numbers)),
    )
    assert purchase_days.latest < 1 << 64


def test_a_day_long_before_the_last_counts_as_another() -> None:
    """A day before the latest 64 counts as another, unless it is the first one."""
    assert days(0, 50, 200, 50).count == 4
    assert days(0, 50, 200, 0).count == 3
