"""Counts of buckets. Additions commute, so the order in which blocks are applied changes nothing."""

from array import array
from typing import Protocol


class Counts(Protocol):
    """Several integers, the parts, for each bucket of one resolution."""

    def add(self, bucket: int, part: int, n: int) -> None:
        """Add `n` to an integer of a bucket. A bucket that is too old is ignored."""

    def sum(self, begin: int, end: int, part: int = 0) -> int:
        """Return the sum of one integer over the buckets from `begin` to before `end`."""

    def between(self, begin: int, end: int, part: int = 0) -> list[int]:
        """Return one integer of the buckets from `begin` to before `end`. Buckets without events have 0."""

    def first_used(self, end: int) -> int | None:
        """Return the first bucket before `end` with an integer other than 0, None if there is none."""

    def trim(self, present: int) -> None:
        """Forget buckets that are too old at the present one."""


class BucketCounts:
    """Counts of neighbouring buckets, 8 bytes each. At most `limit` buckets up to the newest one are kept.

    Which buckets are kept depends on the newest one alone. `width` is the number of integers.
    """

    __slots__ = ("_first", "_values", "limit", "width")

    def __init__(self, limit: int, width: int) -> None:
        self.limit = limit
        self.width = width
        self._first = 0
        self._values = array("q")

    def add(self, bucket: int, part: int, n: int) -> None:
        """Add `n` to an integer of a bucket. A bucket that is too old is ignored."""
        values, width = self._values, self.width
        if not values:
            self._first = bucket
        end = self._first + len(values) // width
        if bucket >= end:
            missing = bucket + 1 - end
            if missing >= self.limit:
                del values[:]
                self._first, missing = bucket + 1 - self.limit, self.limit
            values.frombytes(bytes(8 * width * missing))
            if (excess := len(values) // width - self.limit) > 0:
                del values[: excess * width]
                self._first += excess
        elif bucket < self._first:
            if bucket <= end - 1 - self.limit:
                return
            values[:0] = array("q", bytes(8 * width * (self._first - bucket)))
            self._first = bucket
        values[(bucket - self._first) * width + part] += n

    def sum(self, begin: int, end: int, part: int = 0) -> int:
        """Return the sum of one integer over the buckets from `begin` to before `end`."""
        return sum(self._slice(begin, end, part))

    def between(self, begin: int, end: int, part: int = 0) -> list[int]:
        """Return one integer of the buckets from `begin` to before `end`. Buckets without events have 0."""
        known = self._slice(begin, end, part)
        before = min(max(0, self._first - begin), max(0, end - begin))
        return [0] * before + list(known) + [0] * (end - begin - before - len(known))

    def first_used(self, end: int) -> int | None:
        """Return the first bucket before `end` with an integer other than 0, None if there is none."""
        for offset, n in enumerate(self._values):
            if n:
                bucket = self._first + offset // self.width
                return bucket if bucket < end else None
        return None

    def trim(self, present: int) -> None:
        """Do nothing, because the newest bucket decides what is kept."""

    def _slice(self, begin: int, end: int, part: int) -> "array[int]":
        low, high = max(0, begin - self._first), max(0, end - self._first)
        return self._values[low * self.width + part : high * self.width : self.width]


class SparseCounts:
    """Counts of single buckets, for events that may lie far ahead of the present.

    `limit` is the number of buckets that `trim` keeps before the present one.
    """

    __slots__ = ("_floor", "_values", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._floor = 0
        self._values: dict[int, dict[int, int]] = {}

    def add(self, bucket: int, part: int, n: int) -> None:
        """Add `n` to an integer of a bucket. A bucket that is too old is ignored."""
        if bucket < self._floor:
            return
        parts = self._values.setdefault(bucket, {})
        parts[part] = parts.get(part, 0) + n
        if not parts[part]:
            del parts[part]
            if not parts:
                del self._values[bucket]

    def sum(self, begin: int, end: int, part: int = 0) -> int:
        """Return the sum of one integer over the buckets from `begin` to before `end`."""
        return sum(self.between(begin, end, part))

    def between(self, begin: int, end: int, part: int = 0) -> list[int]:
        """Return one integer of the buckets from `begin` to before `end`. Buckets without events have 0."""
        get, none = self._values.get, dict[int, int]()
        return [get(bucket, none).get(part, 0) for bucket in range(begin, end)]

    def first_used(self, end: int) -> int | None:
        """Return the first bucket before `end` with an integer other than 0, None if there is none."""
        first = min(self._values, default=end)
        return first if first < end else None

    def next_used(self, begin: int) -> int | None:
        """Return the first bucket from `begin` on with an integer other than 0, None if there is none."""
        return min((bucket for bucket in self._values if bucket >= begin), default=None)

    def trim(self, present: int) -> None:
        """Forget buckets that are too old at the present one."""
        floor = present + 1 - self.limit
        if floor > self._floor:
            self._floor = floor
            self._values = {bucket: parts for bucket, parts in self._values.items() if bucket >= floor}
