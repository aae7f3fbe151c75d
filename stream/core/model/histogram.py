"""Durations that can be added, taken back and asked for quantiles: counts in log-linear buckets.

A bucket holds the integers that share their highest seven bits, so its middle is within 1/128 of whatever it holds;
below 128 ms a bucket is one integer. The buckets are those of HdrHistogram (G. Tene, hdrhistogram.org); unlike
t-digests and HyperLogLog they subtract.
"""

from collections.abc import Mapping, Sequence

from stream.core.model.aggregate import HISTOGRAM_SPAN, Vector, add
from stream.core.model.money import join, split

SPAN = HISTOGRAM_SPAN
"""Components that a distribution takes from its base on: how many, their sum in ms in two parts, the buckets."""
COUNT, SUM, BUCKETS = 0, 1, 3
MAX_SINGLE_PART = 1 << 32
"""Sums below this have one part only."""


def bucket_of(ms: int) -> int:
    """Number of the bucket that holds a duration of 0 ms or more; below 2**67 ms it is below `SPAN - BUCKETS`."""
    if ms < 128:
        return ms
    shift = ms.bit_length() - 7
    return (shift << 6) + (ms >> shift)


def bucket_midpoint(number: int) -> float:
    """The duration in ms that stands for all in a bucket."""
    if number < 128:
        return number
    shift = (number >> 6) - 1
    return (number - (shift << 6) << shift) + ((1 << shift) - 1) / 2


def record(into: Vector, base: int, ms: int) -> None:
    """Add one duration to the distribution that begins at a component."""
    bucket = base + BUCKETS + bucket_of(ms)
    if base not in into and 0 < ms < MAX_SINGLE_PART:  # the first one, mostly
        into[base] = into[bucket] = 1
        into[base + SUM] = ms
    else:
        add(into, {base: 1, bucket: 1})
        add(into, split(ms, base + SUM))


def merge(vector: Mapping[int, int], *bases: int) -> Vector:
    """Several distributions of a vector as one that begins at component 0."""
    merged: Vector = {}
    for component, n in vector.items():
        for base in bases:
            if base <= component < base + SPAN:
                merged[component - base] = merged.get(component - base, 0) + n
    return merged


def mean(vector: Mapping[int, int], base: int) -> float:
    """The mean in ms, for n >= 1."""
    return join(vector, base + SUM) / vector[base + COUNT]


def quantiles(vector: Mapping[int, int], base: int, percents: Sequence[int]) -> list[float]:
    """For each of the ascending `percents` the `ceil(percent * n / 100)`-th smallest in ms, within 1 %, for n >= 1."""
    n = vector[base + COUNT]
    places = sorted(c for c in vector if base + BUCKETS <= c < base + SPAN)
    durations = []
    seen = i = 0
    for percent in percents:
        rank = -(-n * percent // 100)
        while seen < rank:
            seen += vector[places[i]]
            i += 1
        durations.append(bucket_midpoint(places[i - 1] - base - BUCKETS))
    return durations
