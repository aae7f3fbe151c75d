"""Functions of expressions: those of JMESPath, and a few that records need besides."""

from decimal import Decimal
from typing import Any

from jmespath import Options
from jmespath.functions import Functions, signature

Number = int | float


class MappingFunctions(Functions):
    """JMESPath's functions with `upper`, `lower`, `difference`, `product`, `find` and `get`. Decimals are exact: 0.3 - 0.1 is 0.2."""

    @signature({"types": ["string"]})
    def _func_upper(self, text: str) -> str:
        return text.upper()

    @signature({"types": ["string"]})
    def _func_lower(self, text: str) -> str:
        return text.lower()

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_difference(self, minuend: Number, subtrahend: Number) -> Number:
        return _number(Decimal(repr(minuend)) - Decimal(repr(subtrahend)))

    @signature({"types": ["number"]}, {"types": ["number"]})
    def _func_product(self, factor: Number, times: Number) -> Number:
        return _number(Decimal(repr(factor)) * Decimal(repr(times)))

    @signature({"types": ["array", "null"]}, {"types": ["string"]}, {"types": []})
    def _func_find(self, items: list[Any] | None, name: str, value: Any) -> Any:
        """Return the first object in which a name has a value, compared as text. Numbers and texts of IDs are equal."""
        wanted = str(value)
        matching = (item for item in items or () if isinstance(item, dict) and str(item.get(name)) == wanted)
        return next(matching, None) if value is not None else None

    @signature({"types": ["object", "null"]}, {"types": ["string"]})
    def _func_get(self, values: dict[str, Any] | None, name: str) -> Any:
        """Return the value of a name that is itself computed."""
        return (values or {}).get(name)


OPTIONS = Options(custom_functions=MappingFunctions())


def _number(value: Decimal) -> Number:
    return int(value) if value == value.to_integral_value() else float(value)
