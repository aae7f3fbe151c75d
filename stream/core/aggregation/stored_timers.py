"""Timers in an ordered table: rows of many each, by the minute at which they are due."""

from collections.abc import Callable
from sys import maxsize

import msgspec

from stream.core.aggregation.layers import Layers, OrderedTable
from stream.core.model.time_buckets import MINUTE

MAX_TIMERS = 1_000
"""Timers in a row."""
NUMBER_BYTES = 8
_CANCELLED = bytes(NUMBER_BYTES)
"""Stands for the number in rows of cancelled timers, so that they come before the others of their minute."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[bytes]).decode
_unpack_count = msgspec.msgpack.Decoder(int).decode


class StoredTimers:
    """Timers under a prefix of a table. Memory holds those since the last flush only.

        prefix, minute (ms, big-endian), number -> timers
        prefix, minute, zeros, timer            -> how many of the timers of the minute that equal this one are cancelled

    `next_number` returns a number above 0 that no row of the table has.
    """

    def __init__(self, table: OrderedTable, prefix: bytes, next_number: Callable[[], int]) -> None:
        self.layers = Layers(table)
        self._prefix = prefix
        self._next_number = next_number
        self._registered: dict[int, list[bytes]] = {}
        """By minute, those since the last take."""
        self._first = 0
        """No timer is due before this time in ms."""

    def keys(self, event_time: int) -> list[bytes]:
        """Return the list of timers that are due in the minute of `event_time` (ms), for the caller to append to."""
        minute = _minute(event_time)
        keys = self._registered.get(minute)
        if keys is None:
            keys = self._registered[minute] = []
            self._first = min(self._first, minute)
        return keys

    def cancel(self, event_time: int, timer: bytes) -> None:
        """Cancel one of the timers at `event_time` (ms) that equal this one. Such a timer must exist."""
        row = self._prefix + _ordered(_minute(event_time)) + _CANCELLED + timer
        count = self.layers.get(row)
        self.layers.mine[row] = _pack(1 if count is None else _unpack_count(count) + 1)

    def due(self, now: int, limit: int) -> list[bytes]:
        """Remove timers of the minutes up to `now` (ms), the oldest first, and return them, at most `limit`."""
        if self._first > now or limit <= 0:
            return []
        self._store_registered()
        due: list[bytes] = []
        first, self._first = self._first, maxsize
        cancelled: dict[bytes, int] = {}
        """By row, those of the minutes so far."""
        begin, end = len(self._prefix), len(self._prefix) + NUMBER_BYTES
        for row, packed in self.layers.starting_with(self._prefix, self._prefix + _ordered(first)):
            minute = int.from_bytes(row[begin:end])
            if minute > now or len(due) == limit:
                self._first = minute
                break
            if row.startswith(_CANCELLED, end):
                cancelled[row] = _unpack_count(packed)
                continue
            timers, room = _unpack(packed), limit - len(due)
            due += self._without_cancelled(row[:end] + _CANCELLED, timers[:room], cancelled)
            self.layers.mine[row] = _pack(timers[room:]) if len(timers) > room else None
            if len(timers) > room:
                self._first = minute
                break
        return due

    def _without_cancelled(
        self, begin: bytes, timers: list[bytes], cancelled: dict[bytes, int]
    ) -> list[bytes]:
        """Return the timers that are not cancelled, and count the others down. `begin` is that of their rows."""
        if not cancelled:
            return timers
        effective = []
        for timer in timers:
            row = begin + timer
            if (count := cancelled.get(row, 0)) == 0:
                effective.append(timer)
                continue
            cancelled[row] = count - 1
            self.layers.mine[row] = _pack(count - 1) if count > 1 else None
        return effective

    def take(self) -> None:
        """Note that a flush has all changes so far."""
        self._store_registered()
        self.layers.take()

    def _store_registered(self) -> None:
        for minute, timers in self._registered.items():
            for i in range(0, len(timers), MAX_TIMERS):
                row = self._prefix + _ordered(minute) + _ordered(self._next_number())
                self.layers.mine[row] = _pack(timers[i : i + MAX_TIMERS])
        self._registered = {}


def _minute(event_time: int) -> int:
    return max(event_time // MINUTE * MINUTE, 0)


def _ordered(number: int) -> bytes:
    """Return bytes that sort as the numbers do."""
    return number.to_bytes(NUMBER_BYTES)
