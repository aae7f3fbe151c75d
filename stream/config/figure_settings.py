"""Types of the settings about single figures: targets and benchmarks. Names and units are checked by the exporter."""

from math import isfinite
from typing import Any, NamedTuple

from stream.config.setting_types import (
    UNITS,
    SettingSource,
    SettingType,
    as_duration,
    is_duration,
    milliseconds,
)

_YEARS = range(1900, 2101)
_MAX_SOURCE = 100


class FigureValue(NamedTuple):
    """The value of a figure as the configuration gives it. `number` is in seconds if it was given as a duration."""

    number: float
    is_duration: bool = False


class Benchmark(NamedTuple):
    """A value of a figure elsewhere, with its source and year."""

    value: FigureValue
    source: str
    year: int


def _figure_value(value: object, at: SettingSource) -> FigureValue:
    if isinstance(value, str) and is_duration(value):
        return FigureValue(milliseconds(value) / UNITS["s"], is_duration=True)
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return FigureValue(float(value))
    at.error(value, 'a number, or a duration such as "15m" for a figure in seconds')
    return FigureValue(0)


def _targets(value: object, at: SettingSource) -> dict[str, FigureValue]:
    if not isinstance(value, dict):
        at.error(value, "a table such as {cx_nps_score = 40}")
        return {}
    return {name: _figure_value(target, at.under(name)) for name, target in value.items()}


def _benchmark(value: object, at: SettingSource) -> Benchmark:
    if not isinstance(value, dict):
        at.error(value, 'a table such as {value = 32, source = "Survey of the industry", year = 2025}')
        return Benchmark(FigureValue(0), "", 0)
    at.refuse_unknown_keys(value, Benchmark._fields)
    source, year = value.get("source"), value.get("year")
    if not isinstance(source, str) or not source.isprintable() or not 0 < len(source.strip()) <= _MAX_SOURCE:
        at.under("source").error(source, f"a text of 1 to {_MAX_SOURCE} characters in one line")
    if type(year) is not int or year not in _YEARS:
        at.under("year").error(year, f"a year from {_YEARS[0]} to {_YEARS[-1]}")
    number = _figure_value(value.get("value"), at.under("value"))
    return Benchmark(number, str(source).strip(), year if isinstance(year, int) else 0)


def _benchmarks(value: object, at: SettingSource) -> dict[str, Benchmark]:
    if not isinstance(value, dict):
        at.error(value, 'a table such as {cx_nps_score = {value = 32, source = "Survey", year = 2025}}')
        return {}
    return {name: _benchmark(benchmark, at.under(name)) for name, benchmark in value.items()}


def _show(value: FigureValue) -> Any:
    return as_duration(round(value.number * UNITS["s"])) if value.is_duration else value.number


def _show_benchmark(benchmark: Benchmark) -> dict[str, Any]:
    return {"value": _show(benchmark.value), "source": benchmark.source, "year": benchmark.year}


targets = SettingType(
    _targets, lambda values: {name: _show(value) for name, value in values.items()}, json=True
)
benchmarks = SettingType(
    _benchmarks, lambda values: {name: _show_benchmark(value) for name, value in values.items()}, json=True
)
