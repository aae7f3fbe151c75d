"""Histograms of durations in log-linear buckets. Durations can be added and retracted, and quantiles estimated.

A bucket holds the integers that share their highest seven bits, so its midpoint is within 1/128 of each of them. Below
128 ms a bucket is one integer. The buckets are those of HdrHistogram (G. Tene, hdrhistogram.org). Unlike t-digests and
HyperLogLog, they can be subtracted.
"""

from collections.abc import Mapping, Sequence

from stream.core.model.aggregate import HISTOGRAM_SPAN, Vector, add
from stream.core.model.money import join, split

SPAN = HISTOGRAM_SPAN
"""Components of a histogram from its base on: the count, the sum in ms in two parts, the buckets."""
COUNT, SUM, BUCKETS = 0, 1, 3
MAX_SINGLE_PART = 1 << 32
"""Sums below this need one part only."""


def bucket_of(ms: int) -> int:
    """Return the number of the bucket for a duration of 0 ms or more. Below 2**67 ms it is below `SPAN - BUCKETS`."""
    if ms < 128:
        return ms
    shift = ms.bit_length() - 7
    return (shift << 6) + (ms >> shift)


def bucket_midpoint(number: int) -> float:
    """Return the midpoint of a bucket in ms, which stands for all durations in it."""
    if number < 128:
        return number
    shift = (number >> 6) - 1
    return (number - (shift << 6) << shift) + ((1 << shift) - 1) / 2


def record(into: Vector, base: int, ms: int, sign: int = 1) -> None:
    """Add one duration to the histogram whose components begin at `base`. A `sign` of -1 retracts it."""
    bucket = base + BUCKETS + bucket_of(ms)
    into[base] = into.get(base, 0) + sign
    into[bucket] = into.get(bucket, 0) + sign
    if 0 < ms < MAX_SINGLE_PART:
        into[base + SUM] = into.get(base + SUM, 0) + sign * ms
    else:
        add(into, split(ms, base + SUM), sign)


def merge(vector: Mapping[int, int], *bases: int) -> Vector:
    """Return the sum of several histograms of a vector, as a histogram at base 0."""
    merged: Vector = {}
    for component, n in vector.items():
        for base in bases:
            if base <= component < base + SPAN:
                merged[component - base] = merged.get(component - base, 0) + n
    return merged


def mean(vector: Mapping[int, int], base: int) -> float:
    """Return the mean in ms of a histogram that is not empty."""
    return join(vector, base + SUM) / vector[base + COUNT]


def quantiles(vector: Mapping[int, int], base: int, percents: Sequence[int]) -> list[float]:
    """Return nearest-rank quantiles in ms, within 1 %, of a histogram that is not empty.

    `percents` are ascending. Each gives the `ceil(percent * n / 100)`-th smallest duration.
    """
    n = vector[base + COUNT]
    buckets = sorted(c for c in vector if base + BUCKETS <= c < base + SPAN)
    durations = []
    seen = i = 0
    for percent in percents:
        rank = -(-n * percent // 100)
        while seen < rank:
            seen += vector[buckets[i]]
            i += 1
        durations.append(bucket_midpoint(buckets[i - 1] - base - BUCKETS))
    return durations
