"""Minor units of currencies, and integers in two parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.model.aggregate import Vector, add
from stream.core.model.money import join, major, split

amounts = st.integers(-(2**67), 2**67)


@pytest.mark.parametrize(
    ("currency", "expected"), [("EUR", 12.34), ("JPY", 1234), ("KWD", 1.234), ("CLF", 0.1234), ("XYZ", 12.34)]
)
def test_major_units_depend_on_the_currency(currency: str, expected: float) -> None:
    """Two digits where the standard has no other number."""
    assert major(1234, currency) == expected


def test_a_share_is_rounded_once() -> None:
    """Also for integers that a float cannot hold."""
    assert major(10**30 + 1, "JPY", 10**30 + 1) == 1.0


@given(st.lists(amounts))
def test_parts_add_up(amounts_list: list[int]) -> None:
    """Components fit in 64 bits, for any signs."""
    total: Vector = {}
    for amount in amounts_list:
        parts = split(amount, 5)
        assert all(abs(n) < 2**36 and n for n in parts.values())
        add(total, parts)
    assert join(total, 5) == sum(amounts_list)
