"""Numbers, shares, amounts of money and durations from texts."""

import re
from decimal import Context, Decimal
from math import isfinite
from typing import Any

from schemas.currencies import EXPONENTS
from schemas.fields import abbreviated

MAX_CHARACTERS = 64
"""Allowed length of a number or duration as text."""

NUMBER_FORMATS = {
    "1234.50": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII),
    "1234,50": re.compile(r"[+-]?(\d+(,\d*)?|,\d+)", re.ASCII),
    "1,234.50": re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?", re.ASCII),
    "1.234,50": re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?", re.ASCII),
    "1 234,50": re.compile(r"[+-]?(\d+|\d{1,3}( \d{3})+)(,\d*)?", re.ASCII),
    "1'234.50": re.compile(r"[+-]?(\d+|\d{1,3}('\d{3})+)(\.\d*)?", re.ASCII),
}
"""Texts of numbers by the example that names them in a mapping file."""
DURATION_FORMATS = {
    "h:mm:ss": "0:02:23",
    "m:ss": "2:23",
    "h:mm": "0:02",
}
"""An example of each format of durations, by its name in a mapping file."""

_EXACT = Context(prec=500)
"""Keeps the digits of every product of a number of this length."""
_VARIANTS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-"})
_THREE_PARTS = re.compile(r"(?P<h>\d+):(?P<m>[0-5]\d):(?P<s>[0-5]\d([.,]\d+)?)", re.ASCII)
_TWO_PARTS = {
    "m:ss": re.compile(r"(?P<m>\d+):(?P<s>[0-5]\d([.,]\d+)?)", re.ASCII),
    "h:mm": re.compile(r"(?P<h>\d+):(?P<m>[0-5]\d)", re.ASCII),
}
_ISO_8601 = re.compile(
    r"P(?=.)((?P<w>\d+)W)?((?P<d>\d+)D)?(T(?=.)((?P<h>\d+)H)?((?P<m>\d+)M)?((?P<s>\d+([.,]\d+)?)S)?)?",
    re.ASCII,
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def number(value: Any, format_: str) -> Decimal:
    """Return a JSON number, or a text in the format that the example `format_` names. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return Decimal(repr(value))
    if isinstance(value, str) and len(value) <= MAX_CHARACTERS:
        text = value.strip().translate(_VARIANTS)
        if NUMBER_FORMATS[format_].fullmatch(text):
            decimal_sign = "," if format_.endswith(",50") else "."
            kept = "".join(sign for sign in text if sign in "+-0123456789" or sign == decimal_sign)
            return Decimal(kept.replace(",", "."))
    raise ValueError(f"got {abbreviated(value)}, allowed is a number such as {format_}")


def scaled(factor: Decimal, times: Decimal) -> Decimal:
    """Return the exact product."""
    return _EXACT.multiply(factor, times)


def whole(value: Any, format_: str, times: Decimal) -> int:
    """Return a number multiplied by `times`. Raises ValueError if it is not whole then."""
    product = scaled(number(value, format_), times)
    if product == product.to_integral_value():
        return int(product)
    unit = "" if times == 1 else f" of 1/{times:,}" if times > 1 else f" of {1 / times:,}"
    raise ValueError(f"got {abbreviated(value)}, allowed is a whole number{unit}")


def percent(value: Any, format_: str) -> Decimal:
    """Return the share that a number of percent is, with or without its sign: 0.35 for "35 %". Raises ValueError."""
    text = value.strip().removesuffix("%") if isinstance(value, str) else value
    try:
        return number(text, format_) / 100
    except ValueError:
        raise ValueError(f"got {abbreviated(value)}, allowed is a percentage such as {format_} %") from None


def minor_units(value: Any, format_: str, currency: str | None, times: Decimal) -> int:
    """Return an amount of whole units of a currency in its minor units, by ISO 4217. Raises ValueError."""
    code = (currency or "").upper()
    if code not in EXPONENTS:
        raise ValueError(
            f"currency: got {abbreviated(currency)}, allowed is an ISO 4217 code of a currency that has decimals"
        )
    return whole(value, format_, times.scaleb(EXPONENTS[code]))


def duration(value: Any, format_: str) -> Decimal:
    """Return the seconds of a text such as "0:02:23" or "PT2M23S", or in a format of two parts. Raises ValueError."""
    text = value.strip() if isinstance(value, str) and len(value) <= MAX_CHARACTERS else ""
    patterns = [_THREE_PARTS, _ISO_8601, *([_TWO_PARTS[format_]] if format_ in _TWO_PARTS else [])]
    for pattern in patterns:
        if match := pattern.fullmatch(text):
            parts = {unit: part for unit, part in match.groupdict().items() if part}
            return sum(
                (Decimal(part.replace(",", ".")) * _SECONDS[unit] for unit, part in parts.items()), Decimal()
            )
    hint = "; for a number of seconds, type is number" if isinstance(value, int | float) else ""
    raise ValueError(
        f"got {abbreviated(value)}, allowed is a duration such as {DURATION_FORMATS[format_]} or PT2M23S{hint}"
    )
