"""Timers in an ordered table: rows of many keys each, by the minute at which they are due."""

from collections.abc import Callable
from sys import maxsize

import msgspec

from stream.core.aggregation.layers import Layers, OrderedTable
from stream.core.model.time_buckets import MINUTE

MAX_KEYS = 1_000
"""Keys in a row."""
NUMBER_BYTES = 8

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[bytes]).decode


class StoredTimers:
    """Timers under a prefix of a table. Memory holds those since the last flush only.

        row: prefix, minute (ms, big-endian), number -> keys

    `next_number` returns a number that no row of the table has.
    """

    def __init__(self, table: OrderedTable, prefix: bytes, next_number: Callable[[], int]) -> None:
        self.layers = Layers(table)
        self._prefix = prefix
        self._next_number = next_number
        self._registered: dict[int, list[bytes]] = {}
        """Keys by minute, of the timers since the last take."""
        self._first = 0
        """No timer is due before this time in ms."""

    def keys(self, event_time: int) -> list[bytes]:
        """Return the list of keys that are due in the minute of `event_time` (ms), for the caller to append to."""
        minute = max(event_time // MINUTE * MINUTE, 0)
        keys = self._registered.get(minute)
        if keys is None:
            keys = self._registered[minute] = []
            self._first = min(self._first, minute)
        return keys

    def due(self, now: int, limit: int) -> list[bytes]:
        """Remove timers of the minutes up to `now` (ms), the oldest first, and return their keys, at most `limit`."""
        if self._first > now or limit <= 0:
            return []
        self._store_registered()
        due: list[bytes] = []
        first, self._first = self._first, maxsize
        for row, packed in self.layers.starting_with(self._prefix, self._prefix + _ordered(first)):
            minute = int.from_bytes(row[len(self._prefix) : -NUMBER_BYTES])
            if minute > now or len(due) == limit:
                self._first = minute
                break
            keys, room = _unpack(packed), limit - len(due)
            due += keys[:room]
            self.layers.mine[row] = _pack(keys[room:]) if len(keys) > room else None
            if len(keys) > room:
                self._first = minute
                break
        return due

    def take(self) -> None:
        """Note that a flush has all changes so far."""
        self._store_registered()
        self.layers.take()

    def _store_registered(self) -> None:
        for minute, keys in self._registered.items():
            for i in range(0, len(keys), MAX_KEYS):
                row = self._prefix + _ordered(minute) + _ordered(self._next_number())
                self.layers.mine[row] = _pack(keys[i : i + MAX_KEYS])
        self._registered = {}


def _ordered(number: int) -> bytes:
    """Return bytes that sort as the numbers do."""
    return number.to_bytes(NUMBER_BYTES)
