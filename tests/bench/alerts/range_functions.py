"""Functions of the samples in a sliding range: sums by differences, extremes by a sparse table."""

import numpy as np

from tests.bench.alerts.special_days import Floats, Ints


def evaluate(function: str, values: Floats, first: Ints, end: Ints) -> Floats:
    """Return a function of values[first:end] for each pair. Raises ValueError if it is not supported.

    `delta` and `increase` are not extrapolated: they are the last value less the first one.
    """
    present = np.isfinite(values)
    count = _sums(present.astype(float), first, end)
    filled = np.where(present, values, 0.0)
    with np.errstate(all="ignore"):
        match function:
            case "count_over_time":
                result = count
            case "sum_over_time":
                result = _sums(filled, first, end)
            case "avg_over_time":
                result = _sums(filled, first, end) / count
            case "stddev_over_time":
                mean = _sums(filled, first, end) / count
                result = np.sqrt(np.maximum(_sums(filled**2, first, end) / count - mean**2, 0))
            case "max_over_time":
                result = _maxima(np.where(present, values, -np.inf), first, end)
            case "min_over_time":
                result = -_maxima(np.where(present, -values, -np.inf), first, end)
            case "last_over_time":
                result = _last_present(values, present, end)
            case "delta" | "increase":
                result = values[np.maximum(end - 1, 0)] - values[np.minimum(first, len(values) - 1)]
            case _:
                raise ValueError(f"not supported: {function}()")
    return np.where(count > 0, result, np.nan)


def _sums(values: Floats, first: Ints, end: Ints) -> Floats:
    cumulative = np.concatenate([[0.0], np.cumsum(values)])
    sums: Floats = cumulative[end] - cumulative[first]
    return sums


def _maxima(values: Floats, first: Ints, end: Ints) -> Floats:
    """Return the maximum of each range, from maxima of all ranges whose length is a power of two."""
    length = np.maximum(end - first, 1)
    level = np.floor(np.log2(length)).astype(int)
    maxima = np.full(len(first), -np.inf)
    table = values
    for power in range(int(level.max()) + 1):
        here = level == power
        width = 1 << power
        maxima[here] = np.maximum(table[first[here]], table[end[here] - width])
        if len(table) <= width:
            break
        table = np.maximum(table[:-width], table[width:])
    return maxima


def _last_present(values: Floats, present: np.ndarray, end: Ints) -> Floats:
    index = np.maximum.accumulate(np.where(present, np.arange(len(values)), 0))
    return values[index[np.maximum(end - 1, 0)]]
