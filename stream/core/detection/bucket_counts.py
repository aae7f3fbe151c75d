"""Counts of buckets. Additions commute, so the order in which blocks are applied changes nothing."""

from array import array
from bisect import bisect_left
from itertools import accumulate
from typing import Protocol

NEAR = 16
"""Buckets before the newest one of which a change is added to the remembered sums. After others they are computed again."""
UNKNOWN = -1
"""Stands for a bucket that was not looked for yet."""


class Counts(Protocol):
    """Several integers, the parts, for each bucket of one resolution. `width` is their number."""

    width: int

    def add(self, bucket: int, part: int, n: int) -> None:
        """Add `n` to an integer of a bucket. A bucket that is too old is ignored."""

    def sum(self, begin: int, end: int, part: int = 0) -> int:
        """Return the sum of one integer over the buckets from `begin` to before `end`."""

    def sum_all(self, begin: int, end: int) -> list[int]:
        """Return the sums of all integers over the buckets from `begin` to before `end`."""

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

    __slots__ = ("_first", "_sums", "_used", "_values", "limit", "width")

    def __init__(self, limit: int, width: int) -> None:
        self.limit = limit
        self.width = width
        self._first = 0
        self._values = array("q")
        self._sums: dict[int, array[int]] = {}
        """By part the sums up to each bucket, from any fixed one on, computed when they are asked for."""
        self._used = UNKNOWN
        """The first bucket with an integer other than 0, or `UNKNOWN`."""

    def add(self, bucket: int, part: int, n: int) -> None:
        """Add `n` to an integer of a bucket. A bucket that is too old is ignored."""
        values, width = self._values, self.width
        if not values:
            self._first = bucket
        end = self._first + len(values) // width
        if bucket >= end:
            self._extend(bucket, bucket + 1 - end)
        elif bucket < self._first:
            if bucket <= end - 1 - self.limit:
                return
            values[:0] = array("q", bytes(8 * width * (self._first - bucket)))
            self._first = bucket
            self._sums.clear()
        position = bucket - self._first
        values[position * width + part] += n
        if part in self._sums:
            self._add_to_sums(self._sums[part], position, part, n)
        if not self._first <= self._used < bucket:
            self._used = UNKNOWN

    def _extend(self, newest: int, missing: int) -> None:
        """Add buckets up to the newest one, `missing` of them, and drop those that are too old."""
        values, width = self._values, self.width
        if missing >= self.limit:
            del values[:]
            self._sums.clear()
            self._first, missing = newest + 1 - self.limit, self.limit
        values.frombytes(bytes(8 * width * missing))
        for sums in self._sums.values():
            sums.extend([sums[-1]] * missing)
        if (excess := len(values) // width - self.limit) > 0:
            del values[: excess * width]
            self._first += excess
            for sums in self._sums.values():
                del sums[:excess]

    def _add_to_sums(self, sums: "array[int]", position: int, part: int, n: int) -> None:
        """Follow a change of an integer, which mostly is of one of the newest buckets."""
        if len(sums) - position > NEAR:
            del self._sums[part]
            return
        for later in range(position + 1, len(sums)):
            sums[later] += n

    def sum(self, begin: int, end: int, part: int = 0) -> int:
        """Return the sum of one integer over the buckets from `begin` to before `end`."""
        sums = self._sums_of(part)
        low, high = max(begin - self._first, 0), min(end - self._first, len(sums) - 1)
        return sums[high] - sums[low] if low < high else 0

    def sum_all(self, begin: int, end: int) -> list[int]:
        """Return the sums of all integers over the buckets from `begin` to before `end`."""
        parts = [self._sums_of(part) for part in range(self.width)]
        low, high = max(begin - self._first, 0), min(end - self._first, len(parts[0]) - 1)
        return [sums[high] - sums[low] for sums in parts] if low < high else [0] * self.width

    def _sums_of(self, part: int) -> "array[int]":
        sums = self._sums.get(part)
        if sums is None:
            sums = self._sums[part] = array("q", accumulate(self._values[part :: self.width], initial=0))
        return sums

    def between(self, begin: int, end: int, part: int = 0) -> list[int]:
        """Return one integer of the buckets from `begin` to before `end`. Buckets without events have 0."""
        known = self._slice(begin, end, part)
        before = min(max(0, self._first - begin), max(0, end - begin))
        return [0] * before + list(known) + [0] * (end - begin - before - len(known))

    def first_used(self, end: int) -> int | None:
        """Return the first bucket before `end` with an integer other than 0, None if there is none."""
        if self._used == UNKNOWN:
            used = next((offset for offset, n in enumerate(self._values) if n), None)
            if used is None:
                return None
            self._used = self._first + used // self.width
        return self._used if self._used < end else None

    def trim(self, present: int) -> None:
        """Do nothing, because the newest bucket decides what is kept."""

    def _slice(self, begin: int, end: int, part: int) -> "array[int]":
        low, high = max(0, begin - self._first), max(0, end - self._first)
        return self._values[low * self.width + part : high * self.width : self.width]


class SparseCounts:
    """Counts of single buckets, for events that may lie far ahead of the present.

    `limit` is the number of buckets that `trim` keeps before the present one, `width` the number of integers.
    """

    __slots__ = ("_floor", "_order", "_sums", "_values", "limit", "width")

    def __init__(self, limit: int, width: int) -> None:
        self.limit = limit
        self.width = width
        self._floor = 0
        self._values: dict[int, dict[int, int]] = {}
        self._order: list[int] = []
        """The buckets in order, and by part the sums before each of them, computed when they are asked for."""
        self._sums: dict[int, list[int]] = {}

    def add(self, bucket: int, part: int, n: int) -> None:
        """Add `n` to an integer of a bucket. A bucket that is too old is ignored."""
        if bucket < self._floor:
            return
        self._sums.clear()
        parts = self._values.setdefault(bucket, {})
        parts[part] = parts.get(part, 0) + n
        if not parts[part]:
            del parts[part]
            if not parts:
                del self._values[bucket]

    def sum(self, begin: int, end: int, part: int = 0) -> int:
        """Return the sum of one integer over the buckets from `begin` to before `end`."""
        if not self._sums:
            self._order = sorted(self._values)
        sums = self._sums.get(part)
        if sums is None:
            integers = (self._values[bucket].get(part, 0) for bucket in self._order)
            sums = self._sums[part] = list(accumulate(integers, initial=0))
        low, high = bisect_left(self._order, begin), bisect_left(self._order, end)
        return sums[high] - sums[low] if low < high else 0

    def sum_all(self, begin: int, end: int) -> list[int]:
        """Return the sums of all integers over the buckets from `begin` to before `end`."""
        return [self.sum(begin, end, part) for part in range(self.width)]

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
            self._sums.clear()
            self._values = {bucket: parts for bucket, parts in self._values.items() if bucket >= floor}
