"""The events of one stream and label set, by minute, quarter of an hour and hour."""

from functools import lru_cache

from stream.core.detection.bucket_counts import BucketCounts, Counts, SparseCounts
from stream.core.model.time_buckets import (
    BY_CODE,
    DAY,
    HOUR,
    HOURS,
    MINUTE,
    MINUTES,
    QUARTER,
    QUARTERS,
)

HOUR_BUCKETS = 66 * 24
"""Hours that are kept: what a profile reads. With shorter windows fewer are stored, and profiles go by these."""
LIMITS = {MINUTES.code: 130, QUARTERS.code: 200, HOURS.code: HOUR_BUCKETS}
"""Buckets that are kept, by the code of the resolution."""


class Span:
    """The buckets of a window that ends with a minute, and its beginning in ms.

    As in all windows, buckets are minutes up to an hour, quarter-hours up to a day, and hours above.
    """

    __slots__ = ("begin", "code", "first", "last", "length", "minute")

    def __init__(self, minute: int, length: int) -> None:
        self.minute = minute
        self.length = length
        self.code, step = (
            (MINUTES.code, MINUTE)
            if length <= HOUR
            else (QUARTERS.code, QUARTER)
            if length <= DAY
            else (HOURS.code, HOUR)
        )
        self.last = minute * MINUTE // step + 1
        self.first = self.last - length // step
        self.begin = self.first * step


@lru_cache(maxsize=128)
def window(minute: int, length: int) -> Span:
    """Return the window of `length` ms that ends with a minute. All label sets look at the same ones."""
    return Span(minute, length)


class StreamEvents:
    """Integers of a stream by bucket. `width` is their number for each bucket.

    `ahead`: events may lie ahead of the present. They count from their minute on.
    """

    __slots__ = ("_ahead", "_counts", "_finished", "_finished_end", "size", "size_day")

    def __init__(self, width: int, *, ahead: bool = False) -> None:
        self._ahead = ahead
        self._counts: dict[int, Counts] = {
            code: SparseCounts(limit, width) if ahead else BucketCounts(limit, width)
            for code, limit in LIMITS.items()
        }
        self._finished: dict[tuple[int, int], int] = {}
        """Sums of a part from an hour to `_finished_end`, if events may lie ahead: windows of days are looked at every minute."""
        self._finished_end = 0
        self.size = 0
        """Events of the 35 days before `size_day`, by which the smallest label sets are skipped."""
        self.size_day = -1

    def add(self, resolution: int, bucket: int, part: int, n: int) -> None:
        """Add to an integer of a bucket."""
        self._counts[resolution].add(bucket, part, n)
        if resolution == HOURS.code and bucket < self._finished_end:
            self._finished.clear()

    def trim(self, minute: int) -> None:
        """Forget buckets that are too old at a minute."""
        for resolution in (MINUTES, QUARTERS, HOURS):
            self._counts[resolution.code].trim(minute * MINUTE // resolution.step)

    def counts(self, span: Span) -> list[int]:
        """Return the sums of all integers over a window."""
        if not self._ahead:
            return self._counts[span.code].sum_all(span.first, span.last)
        return [self.count(span, part) for part in range(self.minutes.width)]

    def count(self, span: Span, part: int = 0) -> int:
        """Return the sum of an integer over a window."""
        counts, present = self._counts[span.code], span.last - 1
        if not self._ahead or span.code == MINUTES.code:
            return counts.sum(span.first, span.last, part)
        if span.code == HOURS.code:
            before = self._sum_of_finished(span.first, present, part)
        else:
            before = counts.sum(span.first, present, part)
        minute = present * (BY_CODE[span.code].step // MINUTE)
        return before + self.minutes.sum(minute, span.minute + 1, part)

    def _sum_of_finished(self, begin: int, end: int, part: int) -> int:
        """Return the sum of an integer over the hours from `begin` to before `end`, the present one. It is remembered."""
        if end != self._finished_end:
            self._finished_end = end
            self._finished.clear()
        total = self._finished.get((begin, part))
        if total is None:
            total = self._finished[begin, part] = self.hours.sum(begin, end, part)
        return total

    @property
    def minutes(self) -> Counts:
        """The counts by minute, of the last two hours."""
        return self._counts[MINUTES.code]

    @property
    def quarters(self) -> Counts:
        """The counts by quarter of an hour, of the last two days."""
        return self._counts[QUARTERS.code]

    @property
    def hours(self) -> Counts:
        """The counts by hour."""
        return self._counts[HOURS.code]

    @property
    def is_empty(self) -> bool:
        """Whether it has no event."""
        return all(counts.first_used(1 << 62) is None for counts in self._counts.values())

    def next_minute(self, minute: int) -> int | None:
        """Return the first minute from `minute` on with an event that lay ahead, None if there is none."""
        counts = self._counts[MINUTES.code]
        return counts.next_used(minute) if isinstance(counts, SparseCounts) else None

    def newest_minute(self, minute: int, within: int, part: int = 0) -> int | None:
        """Return the newest minute with an event among the last `within` ones up to `minute`, None if there is none."""
        values = self.minutes.between(minute + 1 - within, minute + 1, part)
        return next((minute - age for age, n in enumerate(reversed(values)) if n > 0), None)
