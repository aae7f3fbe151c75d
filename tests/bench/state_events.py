"""Answers for the measurements of `tests.bench.state`."""

import hashlib
import time
from collections.abc import Iterator
from random import Random

from schemas.times import from_ms
from schemas.topics import partitions_of
from tests.support import FakeRecord

SPACING = 20
"""Time in ms between two answers."""
CUSTOMERS = 20_000
_VALUE = (
    '{"specversion":"1.0","id":"e%d","source":"/shop","type":"cx.feedback.submitted.v1","time":"%s","data":'
    '{"feedback_id":"%s","survey":"nps","score":%d,"customer_id":"c-%06d","channel":"ch%d",'
    '"touchpoint":"touchpoint-%04d","comment":"all went well, thank you"}}'
)
"""Formatted, because to encode a dict takes as long as to count the answer."""


class Answers:
    """A stream of NPS answers of 20,000 customers with 100 pairs of channel and touchpoint.

    IDs are random, as UUIDs are, because IDs in order flatter a sorted store. A share `known` of the answers edits an
    earlier one. `spacing` is the time in ms between two answers.
    """

    def __init__(self, seed: int, *, spacing: int = SPACING, known: float = 0.0) -> None:
        self._seed = seed
        self._spacing = spacing
        self._known = known
        self._random = Random(seed)
        self._begin = int(time.time() * 1000)
        self._next = 0

    @property
    def now(self) -> int:
        """The time of the next answer in ms."""
        return self._begin + self._next * self._spacing

    def records(self, n: int) -> Iterator[FakeRecord]:
        """Yield the next `n` answers as records. Event time and timestamp are the same."""
        for i in range(self._next, self._next + n):
            at = self._begin + i * self._spacing
            is_known = i > 0 and self._random.random() < self._known
            number = self._random.randrange(i) if is_known else i
            name = self._name(number)
            when = f"{from_ms(at):%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"
            cell = number % 4, number // 4 % 25
            value = _VALUE % (i, when, name, i * 31 % 11, number * 7919 % CUSTOMERS, *cell)
            yield FakeRecord(i, at, name.encode(), value.encode())
        self._next += n

    def by_partition(self, n: int, partitions: int) -> list[list[FakeRecord]]:
        """Return the next `n` answers by the partition to which they belong."""
        records = list(self.records(n))
        split: list[list[FakeRecord]] = [[] for _ in range(partitions)]
        for record, number in zip(
            records, partitions_of([r.key or b"" for r in records], partitions), strict=True
        ):
            split[number].append(record)
        return split

    def _name(self, i: int) -> str:
        return hashlib.blake2b(b"%d %d" % (self._seed, i), digest_size=16).hexdigest()
