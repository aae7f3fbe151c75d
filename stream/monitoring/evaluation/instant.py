"""Evaluation of PromQL at one moment, without Prometheus.

A vector has a value for each label set, without the name of the metric. Two parts of Prometheus are left out, which no rule
uses: ranges, and label sets that differ in the name of the metric alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, exp, floor, inf, isnan, log, nan, sqrt
from typing import NamedTuple, Protocol

from stream.monitoring.evaluation.promql import (
    Aggregation,
    BinaryOperation,
    Expression,
    FunctionCall,
    LabelMatching,
    Number,
    Selector,
    names_read,
    parse,
)

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name. Labels without a value are left out."""
Vector = dict[Labels, float]
Value = float | Vector


class Source(Protocol):
    """The series that rules read."""

    def series(self, selector: Selector) -> Vector:
        """Return the present values of the selected series. An unknown name has none."""


class ParsedRecording(NamedTuple):
    """A parsed recording rule."""

    expression: Expression
    labels: Labels


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    return nan if not left or isnan(left) else inf if left > 0 else -inf


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except (ZeroDivisionError, OverflowError):
        return inf
    return nan if isinstance(result, complex) else result


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "^": _power,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}
_SORTED = {"sort": False, "sort_desc": True}
"""Functions that order series, and whether the largest is the first."""
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": lambda value: value if isnan(value) or abs(value) == inf else ceil(value),
    "clamp_max": lambda value, most: nan if isnan(value) else min(value, most),
    "clamp_min": lambda value, least: nan if isnan(value) else max(value, least),
    "exp": lambda value: exp(min(value, 700.0)),
    "floor": lambda value: value if isnan(value) or abs(value) == inf else floor(value),
    "ln": lambda value: log(value) if value > 0 else -inf if value == 0 else nan,
    "round": lambda value: value if isnan(value) or abs(value) == inf else floor(value + 0.5),
    "sqrt": lambda value: sqrt(value) if value >= 0 else nan,
}
_SET_OPERATORS = {"and", "or", "unless"}


def labels_of(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """Return labels in the form of a vector's keys."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tuple(sorted((name, value) for name, value in items if value))


def recordings(
    rules: Iterable[tuple[str, str, Iterable[tuple[str, str]]]],
) -> dict[str, list[ParsedRecording]]:
    """Return recording rules by name. `rules` are names, expressions and labels."""
    result: dict[str, list[ParsedRecording]] = {}
    for name, expr, labels in rules:
        result.setdefault(name, []).append(ParsedRecording(parse(expr), labels_of(labels)))
    return result


class InstantEvaluator:
    """Evaluates expressions at one moment. Recording rules are evaluated when they are read, and once.

    `now` is the moment in seconds since the epoch. `has_read_time`: an expression has read it.
    """

    def __init__(
        self, source: Source, records: Mapping[str, Sequence[ParsedRecording]], now: float = 0.0
    ) -> None:
        self._source = source
        self._now = now
        self._records = records
        self._recorded: dict[str, Vector] = {}
        self.has_read_time = False

    def vector(self, expression: Expression) -> Vector:
        """Return the series of an expression. Raises ValueError if it is a scalar, or not supported."""
        value = self.evaluate(expression)
        if not isinstance(value, dict):
            raise ValueError(f"not an instant vector: {expression}")  # noqa: TRY004 - a fault of the rule
        return value

    def evaluate(self, expression: Expression) -> Value:
        """Return the value of an expression. Raises ValueError if it is not supported."""
        match expression:
            case Number(value):
                return value
            case Selector():
                return self._select(expression)
            case FunctionCall(name, arguments):
                return self._call(name, arguments)
            case Aggregation():
                return self._aggregation(expression)
            case BinaryOperation():
                return self._operation(expression)
        raise ValueError(f"not supported: {expression}")

    def _aggregation(self, aggregation: Aggregation) -> Vector:
        k = 0.0 if aggregation.parameter is None else self.scalar(aggregation.parameter)
        return _aggregated(aggregation, self.vector(aggregation.expression), int(k))

    def _operation(self, operation: BinaryOperation) -> Value:
        if operation.operator == "and":
            return self._conjunction(operation)
        return _binary(operation, self.evaluate(operation.left), self.evaluate(operation.right))

    def _conjunction(self, expression: BinaryOperation) -> Vector:
        """Return `left and right`. Where one is empty, the other one, which reads more series, is not evaluated."""
        operands = sorted((expression.left, expression.right), key=lambda operand: len(self._names(operand)))
        vectors: dict[Expression, Vector] = {}
        for operand in operands:
            vectors[operand] = self.vector(operand)
            if not vectors[operand]:
                return {}
        return _set_operation(expression, vectors[expression.left], vectors[expression.right])

    def _names(self, expression: Expression) -> set[str]:
        """Return the names of all series that an expression depends on, recorded ones included."""
        names = names_read(expression)
        return names.union(
            *(
                self._names(recording.expression)
                for name in names
                for recording in self._records.get(name, ())
            )
        )

    def _select(self, selector: Selector) -> Vector:
        if selector.name not in self._records:
            return self._source.series(selector)
        if selector.name not in self._recorded:
            self._recorded[selector.name] = {
                labels_of([*labels, *record.labels]): value
                for record in self._records[selector.name]
                for labels, value in self.vector(record.expression).items()
            }
        return selected(selector, self._recorded[selector.name])

    def scalar(self, expression: Expression) -> float:
        """Return the value of a scalar. Raises ValueError if it is a vector, or not supported."""
        value = self.evaluate(expression)
        if isinstance(value, dict):
            raise ValueError(f"not a scalar: {expression}")  # noqa: TRY004 - a fault of the rule
        return value

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Value:
        if name == "time":
            self.has_read_time = True
            return self._now
        if name in _SORTED:
            items = self.vector(arguments[0]).items()
            return dict(sorted(items, key=lambda item: item[1], reverse=_SORTED[name]))
        if name == "scalar":
            vector = self.vector(arguments[0])
            return next(iter(vector.values())) if len(vector) == 1 else nan
        if name == "vector":
            return {(): self.scalar(arguments[0])}
        if name not in _FUNCTIONS:
            raise ValueError(f"not supported: {name}()")
        function, (first, *others) = _FUNCTIONS[name], arguments
        parameters = [self.scalar(argument) for argument in others]
        return {labels: function(value, *parameters) for labels, value in self.vector(first).items()}


def is_always_empty(
    expression: Expression,
    records: Mapping[str, Sequence[ParsedRecording]],
    is_never: Callable[[Selector], bool],
) -> bool:
    """Return whether an expression never has a value, because series are missing. `is_never` says so of a selector."""

    def empty(part: Expression) -> bool:
        match part:
            case Selector(name):
                recorded = [recording.expression for recording in records.get(name, ())]
                return all(map(empty, recorded)) if recorded else is_never(part)
            case Aggregation(_, inner):
                return empty(inner)
            case FunctionCall(name, arguments):
                return name not in {"scalar", "time", "vector"} and empty(arguments[0])
            case BinaryOperation(operator, left, right):
                sides = empty(left), empty(right)
                return all(sides) if operator == "or" else sides[0] if operator == "unless" else any(sides)
        return False

    return empty(expression)


def selected(selector: Selector, vector: Vector) -> Vector:
    """Return the series of a vector that fulfil the matchers of a selector."""
    if not selector.matchers:
        return vector
    return {
        labels: value
        for labels, value in vector.items()
        if all(matcher.accepts(dict(labels)) for matcher in selector.matchers)
    }


def _binary(expression: BinaryOperation, left: Value, right: Value) -> Value:
    """Apply a binary operator. Raises ValueError if more than one series matches."""
    operator = expression.operator
    if operator in _SET_OPERATORS:
        if not isinstance(left, dict) or not isinstance(right, dict):
            raise ValueError(f"not of vectors: {operator}")
        return _set_operation(expression, left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return _matched(expression, left, right)
    if isinstance(left, dict):
        return _kept({labels: _applied(expression, value, right, value) for labels, value in left.items()})
    if isinstance(right, dict):
        return _kept({labels: _applied(expression, left, value, value) for labels, value in right.items()})
    result = _applied(expression, left, right, left)
    return nan if result is None else result


def _kept(results: Mapping[Labels, float | None]) -> Vector:
    return {labels: value for labels, value in results.items() if value is not None}


def _applied(expression: BinaryOperation, left: Value, right: Value, kept: float) -> float | None:
    """Return the result of arithmetic, or of a comparison: `kept` where it holds, 0 or 1 with `bool`, else None."""
    if isinstance(left, dict) or isinstance(right, dict):
        raise ValueError(f"not of scalars: {expression.operator}")  # noqa: TRY004 - a fault of the rule
    if (calculate := _ARITHMETIC.get(expression.operator)) is not None:
        return calculate(left, right)
    if expression.operator not in _COMPARISONS:
        raise ValueError(f"not supported: {expression.operator}")
    holds = _COMPARISONS[expression.operator](left, right)
    if expression.return_bool:
        return float(holds)
    return kept if holds else None


def _matching_key(matching: LabelMatching, labels: Labels) -> Labels:
    chosen = set(matching.labels)
    return tuple(pair for pair in labels if (pair[0] in chosen) is matching.on)


def _set_operation(expression: BinaryOperation, left: Vector, right: Vector) -> Vector:
    matching = expression.matching
    if expression.operator == "or":
        known = {_matching_key(matching, labels) for labels in left}
        return left | {
            labels: value for labels, value in right.items() if _matching_key(matching, labels) not in known
        }
    known = {_matching_key(matching, labels) for labels in right}
    wanted = expression.operator == "and"
    return {
        labels: value
        for labels, value in left.items()
        if (_matching_key(matching, labels) in known) is wanted
    }


def _matched(expression: BinaryOperation, left: Vector, right: Vector) -> Vector:
    matching = expression.matching
    many, single = (right, left) if matching.many == "right" else (left, right)
    partners: dict[Labels, float] = {}
    for labels, value in single.items():
        key = _matching_key(matching, labels)
        if key in partners:
            raise ValueError(f"more than one series matches {key}")
        partners[key] = value
    results: dict[Labels, float | None] = {}
    for labels, value in many.items():
        key = _matching_key(matching, labels)
        if key in partners:
            pair = (partners[key], value) if matching.many == "right" else (value, partners[key])
            results[labels if matching.many else key] = _applied(expression, *pair, pair[0])
    return _kept(results)


def _aggregated(aggregation: Aggregation, vector: Vector, k: int) -> Vector:
    """Aggregate series by labels. `k` is the parameter of topk and bottomk, which keep the labels of their series."""
    groups: dict[Labels, list[tuple[float, Labels]]] = {}
    chosen = set(aggregation.labels)
    for labels, value in vector.items():
        key = tuple(pair for pair in labels if (pair[0] in chosen) is aggregation.by)
        groups.setdefault(key, []).append((value, labels))
    operator = aggregation.operator
    if operator in {"topk", "bottomk"}:
        result: Vector = {}
        for members in groups.values():
            ordered = sorted(members, key=lambda member: member[0], reverse=operator == "topk")
            result |= {labels: value for value, labels in ordered[:k]}
        return result
    return {key: _combined(operator, [value for value, _ in members]) for key, members in groups.items()}


def _combined(operator: str, values: list[float]) -> float:
    match operator:
        case "count":
            return float(len(values))
        case "group":
            return 1.0
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "sum":
            return sum(values)
        case "avg":
            return sum(values) / len(values)
    raise ValueError(f"not supported: {operator}")
