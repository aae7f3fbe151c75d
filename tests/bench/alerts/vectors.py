"""Instant vectors of PromQL over many ticks: matching of series, aggregations and label functions."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from stream.monitoring.evaluation.promql import Aggregation, BinaryOperation, LabelMatching
from tests.bench.alerts.special_days import Bools, Floats

Labels = dict[str, str]
Key = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """The samples of a label set, NaN where there is none."""

    labels: Labels
    values: Floats


Vector = list[Series]
Operand = float | Floats | Vector
ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}
COMPARISONS: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}


def unnamed(labels: Labels) -> Labels:
    """Return labels without the name of the metric."""
    return {name: value for name, value in labels.items() if name != "__name__"}


def key_of(labels: Labels) -> Key:
    """Return labels as a key."""
    return tuple(sorted(labels.items()))


def binary(expression: BinaryOperation, left: Operand, right: Operand) -> Operand:
    """Apply a binary operator. Raises ValueError if more than one series matches."""
    if expression.operator in {"and", "or", "unless"}:
        assert isinstance(left, list)
        assert isinstance(right, list)
        return _set_operation(expression, left, right)
    if isinstance(left, list) and isinstance(right, list):
        return _matched(expression, left, right)
    if isinstance(left, list):
        return [_with_scalar(expression, series, series.values, right, series.values) for series in left]
    if isinstance(right, list):
        return [_with_scalar(expression, series, left, series.values, series.values) for series in right]
    return _apply(expression, left, right, left)


def _with_scalar(
    expression: BinaryOperation, series: Series, left: Operand, right: Operand, kept: Floats
) -> Series:
    keeps_name = expression.operator in COMPARISONS and not expression.return_bool
    labels = series.labels if keeps_name else unnamed(series.labels)
    return Series(labels, _apply(expression, left, right, kept))


def _apply(expression: BinaryOperation, left: Operand, right: Operand, kept: Operand) -> Floats:
    """Return the result of arithmetic, or of a comparison: `kept` where it holds, or 0 and 1 with `bool`."""
    if expression.operator in ARITHMETIC:
        return ARITHMETIC[expression.operator](left, right)  # type: ignore[arg-type]
    holds = COMPARISONS[expression.operator](left, right)  # type: ignore[arg-type]
    if expression.return_bool:
        present = ~(np.isnan(left) | np.isnan(right))  # type: ignore[arg-type]
        return np.where(present, holds.astype(float), np.nan)
    return np.where(holds, kept, np.nan)  # type: ignore[arg-type]


def _matching_key(matching: LabelMatching, labels: Labels) -> Key:
    if matching.on:
        return tuple((name, labels.get(name, "")) for name in matching.labels)
    ignored = {"__name__", *matching.labels}
    return tuple(sorted((name, value) for name, value in labels.items() if name not in ignored))


def _matched(expression: BinaryOperation, left: Vector, right: Vector) -> Vector:
    matching = expression.matching
    many, single = (right, left) if matching.many == "right" else (left, right)
    partners: dict[Key, Series] = {}
    for series in single:
        key = _matching_key(matching, series.labels)
        if key in partners:
            raise ValueError(f"more than one series matches {key}")
        partners[key] = series
    result = []
    for series in many:
        partner = partners.get(_matching_key(matching, series.labels))
        if partner is None:
            continue
        pair = (
            (partner.values, series.values) if matching.many == "right" else (series.values, partner.values)
        )
        result.append(Series(_result_labels(expression, series.labels), _apply(expression, *pair, pair[0])))
    return result


def _result_labels(expression: BinaryOperation, labels: Labels) -> Labels:
    matching = expression.matching
    if expression.operator not in COMPARISONS or expression.return_bool:
        labels = unnamed(labels)
    if matching.many:
        return labels
    if matching.on:
        return {name: labels[name] for name in matching.labels if name in labels}
    return {name: value for name, value in labels.items() if name not in matching.labels}


def _set_operation(expression: BinaryOperation, left: Vector, right: Vector) -> Vector:
    matching = expression.matching
    absent_side = left if expression.operator == "or" else right
    present: dict[Key, Bools] = {}
    for series in absent_side:
        key = _matching_key(matching, series.labels)
        here = ~np.isnan(series.values)
        present[key] = present[key] | here if key in present else here
    result = []
    for series in right if expression.operator == "or" else left:
        matched = present.get(_matching_key(matching, series.labels))
        if expression.operator == "and":
            if matched is not None:
                result.append(Series(series.labels, np.where(matched, series.values, np.nan)))
        else:
            values = series.values if matched is None else np.where(matched, np.nan, series.values)
            result.append(Series(series.labels, values))
    return merged([*left, *result]) if expression.operator == "or" else result


def merged(vector: Iterable[Series]) -> Vector:
    """Join series with the same labels, which are never present at the same time."""
    by_key: dict[Key, Series] = {}
    for series in vector:
        key = key_of(series.labels)
        if key in by_key:
            before = by_key[key].values
            by_key[key] = Series(series.labels, np.where(np.isnan(before), series.values, before))
        else:
            by_key[key] = series
    return list(by_key.values())


def aggregate(aggregation: Aggregation, vector: Vector, k: int) -> Vector:
    """Aggregate series by labels. `k` is the parameter of topk and bottomk, which keep the labels of their series."""
    groups: dict[Key, list[Series]] = {}
    for series in vector:
        groups.setdefault(key_of(_grouped_labels(aggregation, series.labels)), []).append(series)
    if aggregation.operator in {"topk", "bottomk"}:
        sign = -1.0 if aggregation.operator == "topk" else 1.0
        return [series for members in groups.values() for series in _smallest(members, k, sign)]
    return [
        Series(dict(key), _combined(aggregation.operator, [series.values for series in members]))
        for key, members in groups.items()
    ]


def _grouped_labels(aggregation: Aggregation, labels: Labels) -> Labels:
    if aggregation.by:
        return {name: labels[name] for name in aggregation.labels if name in labels}
    return {name: value for name, value in unnamed(labels).items() if name not in aggregation.labels}


def _combined(operator: str, values: list[Floats]) -> Floats:
    if len(values) == 1 and operator in {"sum", "min", "max", "avg"}:
        return values[0]
    stacked = np.stack(values)
    present = ~np.isnan(stacked)
    count = present.sum(0)
    match operator:
        case "count":
            result = count.astype(float)
        case "group":
            result = np.ones(count.shape)
        case "min":
            result = np.where(present, stacked, np.inf).min(0)
        case "max":
            result = np.where(present, stacked, -np.inf).max(0)
        case _:
            total = np.where(present, stacked, 0.0).sum(0)
            result = total if operator == "sum" else total / np.maximum(count, 1)
    return np.where(count > 0, result, np.nan)


def _smallest(members: list[Series], k: int, sign: float) -> Vector:
    if len(members) <= k:
        return members
    stacked = sign * np.stack([series.values for series in members])
    stacked[np.isnan(stacked)] = np.inf
    rank = np.argsort(np.argsort(stacked, axis=0, kind="stable"), axis=0, kind="stable")
    return [
        Series(series.labels, np.where(rank[i] < k, series.values, np.nan))
        for i, series in enumerate(members)
    ]


def scalar(vector: Vector, n: int) -> Floats:
    """Return the value of the only series, NaN at ticks with none or several."""
    if not vector:
        return np.full(n, np.nan)
    if len(vector) == 1:
        return vector[0].values
    stacked = np.stack([series.values for series in vector])
    present = ~np.isnan(stacked)
    return np.where(present.sum(0) == 1, np.where(present, stacked, 0).sum(0), np.nan)


def absent(vector: Vector, n: int) -> Vector:
    """Return 1 at ticks without any series."""
    present = np.zeros(n, bool)
    for series in vector:
        present |= ~np.isnan(series.values)
    return [Series({}, np.where(present, np.nan, 1.0))]


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """Set a label from another one, as PromQL's function does. `$1` is the first group of the pattern."""
    template = re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", replacement)
    result = []
    for series in vector:
        match = re.fullmatch(pattern, series.labels.get(source, ""))
        value = match.expand(template) if match else series.labels.get(target, "")
        labels = {name: text for name, text in series.labels.items() if name != target}
        result.append(Series(labels | ({target: value} if value else {}), series.values))
    return result
