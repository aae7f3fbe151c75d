"""Evaluate PromQL on arrays: every expression at many times at once.

Times are ticks of 5 s, the interval of scrapes and rules. A missing sample and a sample that is not a number are both NaN.
Rules can distinguish them only by `unless` and aggregations of NaN, which no rule does.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from stream.monitoring.evaluation.promql import (
    Aggregation,
    BinaryOperation,
    Expression,
    FunctionCall,
    Number,
    OffsetExpression,
    RangeExpression,
    Selector,
    Text,
)
from tests.bench.alerts import range_functions, vectors
from tests.bench.alerts.special_days import Floats, Ints
from tests.bench.alerts.vectors import Labels, Series, Vector

STEP = 5
"""Seconds between two ticks."""


class Source(Protocol):
    """The gauges that an exporter serves."""

    def names(self) -> set[str]:
        """Return the names of all series."""

    def series(self, selector: Selector, ticks: Ints) -> Vector:
        """Return the selected series at these ticks."""


class Record(NamedTuple):
    """A recording rule."""

    name: str
    expression: Expression
    labels: Labels


Value = float | Floats | Vector
FUNCTIONS: dict[str, Callable[..., Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "clamp_max": np.minimum,
    "clamp_min": np.maximum,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "round": lambda values: np.floor(values + 0.5),
    "sqrt": np.sqrt,
}


class Evaluator:
    """Evaluate expressions at some ticks. Recording rules are evaluated when they are read, at the same ticks."""

    def __init__(self, source: Source, records: Sequence[Record], ticks: Ints) -> None:
        self._source = source
        self._records: dict[str, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.name, []).append(record)
        self._ticks = ticks
        self._recorded: dict[str, Vector] = {}
        self._shifted: dict[int, Evaluator] = {}

    def vector(self, expression: Expression) -> Vector:
        """Return an expression's series. Raises ValueError if it is a scalar."""
        value = self.evaluate(expression)
        if not isinstance(value, list):
            raise ValueError(f"not an instant vector: {expression}")  # noqa: TRY004 (a fault of the rule)
        return value

    def evaluate(self, expression: Expression) -> Value:
        """Return the value of an expression at all ticks. Raises ValueError if it is not supported."""
        match expression:
            case Number(value):
                return value
            case Selector():
                return self._select(expression)
            case OffsetExpression(inner, seconds):
                return self._at(round(seconds / STEP)).evaluate(inner)
            case FunctionCall():
                return self._call(expression)
            case Aggregation():
                k = 0.0 if expression.parameter is None else self.evaluate(expression.parameter)
                assert isinstance(k, float)
                return vectors.aggregate(expression, self.vector(expression.expression), int(k))
            case BinaryOperation():
                with np.errstate(all="ignore"):
                    return vectors.binary(
                        expression, self.evaluate(expression.left), self.evaluate(expression.right)
                    )
        raise ValueError(f"not supported: {expression}")

    def _at(self, ticks_back: int) -> "Evaluator":
        if ticks_back not in self._shifted:
            records = [record for rules in self._records.values() for record in rules]
            self._shifted[ticks_back] = Evaluator(self._source, records, self._ticks - ticks_back)
        return self._shifted[ticks_back]

    def _select(self, selector: Selector) -> Vector:
        if selector.name not in self._records:
            return self._source.series(selector, self._ticks)
        if selector.name not in self._recorded:
            self._recorded[selector.name] = [
                Series(series.labels | record.labels | {"__name__": record.name}, series.values)
                for record in self._records[selector.name]
                for series in self.vector(record.expression)
            ]
        return [
            series
            for series in self._recorded[selector.name]
            if all(matcher.accepts(series.labels) for matcher in selector.matchers)
        ]

    def _call(self, call: FunctionCall) -> Value:
        name, arguments = call.function, call.arguments
        if name.endswith("_over_time") or name in {"delta", "increase"}:
            return self._over_time(name, arguments[-1])
        if name not in FUNCTIONS:
            return self._special(name, arguments)
        values = [self.evaluate(argument) for argument in arguments]
        with np.errstate(all="ignore"):
            if isinstance(values[0], list):
                return [
                    Series(vectors.unnamed(series.labels), FUNCTIONS[name](series.values, *values[1:]))
                    for series in values[0]
                ]
            return FUNCTIONS[name](*values)

    def _special(self, name: str, arguments: tuple[Expression, ...]) -> Value:
        """Evaluate a function whose argument or result is of another type."""
        match name:
            case "time":
                return self._ticks * float(STEP)
            case "vector":
                value = self.evaluate(arguments[0])
                assert not isinstance(value, list)
                return [Series({}, np.broadcast_to(np.asarray(value, float), self._ticks.shape))]
            case "label_replace":
                texts = [argument.value for argument in arguments[1:] if isinstance(argument, Text)]
                return vectors.label_replace(self.vector(arguments[0]), *texts)
            case "scalar":
                return vectors.scalar(self.vector(arguments[0]), len(self._ticks))
            case "absent":
                return vectors.absent(self.vector(arguments[0]), len(self._ticks))
        raise ValueError(f"not supported: {name}()")

    def _over_time(self, function: str, argument: Expression) -> Vector:
        """Evaluate a function of a range or of a subquery. A range without a step has a sample every tick."""
        back = 0.0
        if isinstance(argument, OffsetExpression):
            back, argument = argument.seconds, argument.expression
        if not isinstance(argument, RangeExpression):
            raise ValueError(f"not a range: {argument}")  # noqa: TRY004 (a fault of the rule)
        step = round((argument.step or STEP) / STEP)
        ends = self._ticks - round(back / STEP)
        width = round(argument.seconds / STEP)
        grid = np.arange((ends[0] - width) // step + 1, ends[-1] // step + 1) * step
        records = [record for rules in self._records.values() for record in rules]
        inner = Evaluator(self._source, records, grid)
        first = np.searchsorted(grid, ends - width, side="right")
        last = np.searchsorted(grid, ends, side="right")
        return [
            Series(
                vectors.unnamed(series.labels), range_functions.evaluate(function, series.values, first, last)
            )
            for series in inner.vector(argument.expression)
        ]
