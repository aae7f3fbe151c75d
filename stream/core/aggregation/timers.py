"""Event-time timers, by the minute. Asking for those that are due costs nothing when none is."""

from collections.abc import Iterator
from heapq import heappop, heappush

from stream.core.model.time_buckets import MINUTE


class Timers:
    """Keys by the minute at which they are due. One key may have several timers."""

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

    def expired(self, now: int) -> Iterator[bytes]:
        """Remove the timers of the minutes up to `now` (ms), and yield their keys."""
        while self._minutes and self._minutes[0] <= now:
            yield from self._keys_by_minute.pop(heappop(self._minutes))
