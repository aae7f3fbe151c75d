"""Repeat contacts among the tickets of one person about one topic.

An entity for each (person, topic) holds the creations of tickets, and their solves that may be first contacts: 37 bytes
a ticket, at most 0.4 MB. Entries that no retained pane depends on are dropped, and the oldest past `MAX_CONTACTS`.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

import msgspec

from stream.core.aggregation.tickets.entity import ContactSummary
from stream.core.model.aggregates.tickets import WEEK

MAX_CONTACTS = 10_000
"""Cap of creations, and of solves."""


class RepeatContacts(msgspec.Struct, array_like=True, gc=False):
    """The creations and the possible first contacts of one person's tickets about one topic, in ms, ascending.

    `keys` are those of the tickets that were solved, in the order of `solves`.
    """

    person_key: bytes
    creations: list[int] = []
    solves: list[int] = []
    keys: list[bytes] = []

    def replace(self, key: bytes, old: ContactSummary | None, new: ContactSummary | None) -> Sequence[int]:
        """Replace the old summary of a ticket (None: none) by the new one. The old one may have been forgotten.

        Return the creations that were removed or added, in ms.
        """
        was, now = old.solved if old else None, new.solved if new else None
        if was != now:
            self._replace_solve(key, was, now)
        was, now = old.created if old else None, new.created if new else None
        if was == now:
            return ()
        self._replace_creation(was, now)
        return [created for created in (was, now) if created is not None]

    def _replace_creation(self, was: int | None, now: int | None) -> None:
        if was is not None and (i := bisect_left(self.creations, was)) < bisect_right(self.creations, was):
            del self.creations[i]
        if now is not None:
            insort(self.creations, now)
            if len(self.creations) > MAX_CONTACTS:
                del self.creations[0]

    def _replace_solve(self, key: bytes, was: int | None, now: int | None) -> None:
        if was is not None:
            for i in range(bisect_left(self.solves, was), bisect_right(self.solves, was)):
                if self.keys[i] == key:
                    del self.solves[i], self.keys[i]
                    break
        if now is not None:
            i = bisect_right(self.solves, now)
            self.solves.insert(i, now)
            self.keys.insert(i, key)
            if len(self.solves) > MAX_CONTACTS:
                del self.solves[0], self.keys[0]

    def is_repeated(self, solved: int) -> bool:
        """Return whether a ticket was created within a week after a solve (ms).

        The solved ticket itself was created before.
        """
        i = bisect_right(self.creations, solved)
        return i < len(self.creations) and self.creations[i] <= solved + WEEK

    def affected(self, created: int) -> Sequence[bytes]:
        """Return the keys of tickets that a creation (ms) affects: no other creation lies between their solve and it."""
        i = bisect_left(self.creations, created)
        oldest = created - WEEK
        if i and self.creations[i - 1] > oldest:
            oldest = self.creations[i - 1]
        return self.keys[bisect_left(self.solves, oldest) : bisect_left(self.solves, created)]

    def forget(self, before: int) -> None:
        """Drop entries before a time in ms."""
        if self.creations and self.creations[0] < before:
            del self.creations[: bisect_left(self.creations, before)]
        if self.solves and self.solves[0] < before:
            i = bisect_left(self.solves, before)
            del self.solves[:i], self.keys[:i]

    @property
    def newest_time(self) -> int | None:
        """Return the newest time in ms, None if it is empty."""
        return max(self.creations[-1:] + self.solves[-1:], default=None)


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], RepeatContacts] = msgspec.msgpack.Decoder(RepeatContacts).decode
