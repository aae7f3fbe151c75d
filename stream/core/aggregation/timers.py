"""Event-time timers, by the minute. Asking for those that are due costs nothing when none is."""

from heapq import heappop, heappush
from typing import Protocol

from stream.core.model.time_buckets import MINUTE


class Timers(Protocol):
    """Timers (see `Entities.timer`) by the minute at which they are due. One entity may have several."""

    def keys(self, event_time: int) -> list[bytes]:
        """Return the list of timers that are due in the minute of `event_time` (ms), for the caller to append to.

        The list is valid until the next call of `due`.
        """

    def due(self, now: int, limit: int) -> list[bytes]:
        """Remove timers of the minutes up to `now` (ms), the oldest first, and return them, at most `limit`."""


class MemoryTimers:
    """Timers in memory, each of which is the key of its entity."""

    def __init__(self) -> None:
        self._keys_by_minute: dict[int, list[bytes]] = {}
        self._minutes: list[int] = []
        """The minutes as a heap."""

    def keys(self, event_time: int) -> list[bytes]:
        """Return the list of keys that are due in the minute of `event_time` (ms), for the caller to append to."""
        minute = event_time // MINUTE * MINUTE
        keys = self._keys_by_minute.get(minute)
        if keys is None:
            keys = self._keys_by_minute[minute] = []
            heappush(self._minutes, minute)
        return keys

    def due(self, now: int, limit: int) -> list[bytes]:
        """Remove timers of the minutes up to `now` (ms), the oldest first, and return their keys, at most `limit`."""
        due: list[bytes] = []
        while self._minutes and self._minutes[0] <= now and len(due) < limit:
            keys = self._keys_by_minute[self._minutes[0]]
            room = limit - len(due)
            due += keys[:room]
            if len(keys) > room:
                del keys[:room]
            else:
                del self._keys_by_minute[heappop(self._minutes)]
        return due
