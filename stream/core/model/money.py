"""Money: whole minor units of one currency, never added to those of another."""

from collections.abc import Mapping

from stream.core.model.aggregate import Vector

BASIS = 10_000
"""Margins are in 1/BASIS."""
_LOW = 1 << 32

_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def exponent(currency: str) -> int:
    """Digits of the minor unit (ISO 4217, list one): 2 for cents and for what the list does not name."""
    return _EXPONENTS.get(currency, 2)


def major(amount: int, currency: str, parts: int = 1) -> float:
    """`amount / parts` minor units in major ones, rounded once."""
    minor: int = 10 ** exponent(currency)
    return amount / (parts * minor)


def split(amount: int, at: int) -> Vector:
    """An integer as components `at` (below 2**32) and `at + 1` (the rest), both of its sign.

    They add up component by component, and no sum of amounts that may come in outgrows the 64 bits that a
    component has: rials times 10,000 would.
    """
    high, low = divmod(abs(amount), _LOW)
    parts = {at: low, at + 1: high} if amount >= 0 else {at: -low, at + 1: -high}
    return {component: n for component, n in parts.items() if n}


def join(vector: Mapping[int, int], at: int) -> int:
    """The integer whose parts are in components `at` and `at + 1`."""
    return vector.get(at, 0) + vector.get(at + 1, 0) * _LOW
