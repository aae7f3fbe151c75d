"""Money: whole minor units of one currency, never added to those of another."""

from collections.abc import Mapping

from schemas.currencies import EXPONENTS
from stream.core.model.aggregate import Vector

BASIS = 10_000
"""Margin rates are in units of 1 / BASIS (basis points)."""
_LOW = 1 << 32


def exponent(currency: str) -> int:
    """Return the digits of a currency's minor unit.

    It is 2 for a currency that ISO 4217 no longer lists: amounts may have been stored while it did.
    """
    return EXPONENTS.get(currency, 2)


def major(amount: int, currency: str, parts: int = 1) -> float:
    """Return `amount / parts` minor units in major units. The result is rounded once."""
    minor: int = 10 ** exponent(currency)
    return amount / (parts * minor)


def split(amount: int, at: int) -> Vector:
    """Return an integer as two components of its sign: `at` for the value modulo 2**32, `at + 1` for the rest.

    Sums of such vectors are exact, and no sum of valid amounts exceeds the 64 bits that a stored component has. In one
    component, rials times 10,000 would.
    """
    high, low = divmod(abs(amount), _LOW)
    parts = {at: low, at + 1: high} if amount >= 0 else {at: -low, at + 1: -high}
    return {component: n for component, n in parts.items() if n}


def join(vector: Mapping[int, int], at: int) -> int:
    """Return the integer that `split` divided into the components `at` and `at + 1`."""
    return vector.get(at, 0) + vector.get(at + 1, 0) * _LOW
