"""Targets and benchmarks of figures: the settings checked against the figures that exist, and their series."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.currencies import EXPONENTS
from schemas.fields import abbreviated
from stream.config import Settings
from stream.config.figure_settings import FigureValue
from stream.core.metrics.headlines import HEADLINES, Tile, decode, encode, label_pattern
from stream.core.metrics.metric import Unit
from stream.core.metrics.response_rate import SURVEYS
from stream.core.model.aggregates.joined import CLASSES, FATES, NO_CLASS
from stream.errors import ConfigError
from stream.exporter.exposition import header, line
from stream.exporter.pipeline_metrics import FAMILIES
from stream.suggestions import did_you_mean

_OPEN_VALUES: Mapping[str, tuple[str, ...]] = {
    "survey": SURVEYS,
    "first_response": FATES,
    "class": (*CLASSES["nps"], NO_CLASS),
    "currency": tuple(EXPONENTS),
}
"""Values of the labels that tiles are split by."""
_RANGES: Mapping[Unit, tuple[float, float, str]] = {
    "points": (-100, 100, "a number from -100 to 100"),
    "ratio": (0, 1, "a number from 0 to 1 (0.85 is 85 %)"),
    "count": (0, float("inf"), "a number from 0"),
    "money": (float("-inf"), float("inf"), "a number, in major units of the currency"),
    "seconds": (0, float("inf"), 'a duration such as "15m"'),
}


class BenchmarkLine(NamedTuple):
    """A benchmark in the unit of its figure."""

    value: float
    source: str
    year: int


class ReferenceLines(NamedTuple):
    """Targets and benchmarks by tile, in the unit of its headline."""

    targets: dict[Tile, float]
    benchmarks: dict[Tile, BenchmarkLine]

    def exposition(self) -> Iterator[str]:
        """Yield the series of all targets and benchmarks."""
        name = "cx_target"
        yield header(name, *FAMILIES[name])
        yield from (line(name, {"figure": encode(tile)}, value) for tile, value in self.targets.items())
        name = "cx_benchmark"
        yield header(name, *FAMILIES[name])
        for tile, (value, source, year) in self.benchmarks.items():
            yield line(name, {"figure": encode(tile), "source": source, "year": str(year)}, value)


def reference_lines(settings: Settings) -> ReferenceLines:
    """Return the targets and benchmarks of the settings. Raises ConfigError with one line for each error."""
    errors: list[str] = []
    targets = {
        tile: value.number
        for name, value in settings.targets.items()
        if (tile := _checked(f"targets.{name}", name, value, errors)) is not None
    }
    benchmarks = {
        tile: BenchmarkLine(benchmark.value.number, benchmark.source, benchmark.year)
        for name, benchmark in settings.benchmarks.items()
        if (tile := _checked(f"benchmarks.{name}", name, benchmark.value, errors)) is not None
    }
    if errors:
        raise ConfigError("\n".join(errors))
    return ReferenceLines(targets, benchmarks)


def figure_names() -> list[str]:
    """Return the names of all figures. A label that may have several values is in angle brackets."""
    return [
        "/".join([headline.family.name, *_values_in_brackets(number)])
        for number, (_, _, headline) in enumerate(HEADLINES)
    ]


def _values_in_brackets(number: int) -> Iterator[str]:
    headline = HEADLINES[number].headline
    for label, value in zip(headline.family.labels, label_pattern(headline), strict=True):
        yield f"<{label}>" if value is None else value


def _checked(key: str, name: str, value: FigureValue, errors: list[str]) -> Tile | None:
    """Return the tile of a figure, None if an error was added."""
    tile = decode(name)
    if tile is None:
        errors.append(
            f"{key}: got {abbreviated(name)}, allowed is the name of a figure{did_you_mean(name, figure_names())}"
        )
        return None
    headline = HEADLINES[tile.number].headline
    for label, wanted, given in zip(
        headline.family.labels, label_pattern(headline), tile.values, strict=True
    ):
        if wanted is None and given not in _OPEN_VALUES[label]:
            known = _OPEN_VALUES[label]
            allowed = f"one of {', '.join(known)}" if len(known) < 10 else "a code of ISO 4217 such as EUR"
            errors.append(f"{key}: got {abbreviated(given)} as {label}, allowed is {allowed}")
            return None
    least, most, allowed = _RANGES[headline.unit]
    if value.is_duration is not (headline.unit == "seconds") or not least <= value.number <= most:
        given = f"{value.number:g} s" if value.is_duration else f"{value.number:g}"
        errors.append(f"{key}: got {given}, allowed is {allowed}")
        return None
    return tile
