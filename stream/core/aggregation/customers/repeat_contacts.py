"""Repeat contacts among the tickets of one customer about one topic.

An entity for each (customer, topic) holds the creations of tickets, and their solves that may be first contacts: 37 bytes
a ticket, at most 0.4 MB. Entries that no retained pane depends on are dropped, and the oldest past `MAX_CONTACTS`.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

import msgspec

from stream.core.aggregation.customers.ticket_summary import ContactSummary
from stream.core.model.aggregates.customers import WEEK

MAX_CONTACTS = 10_000
"""Cap of creations, and of solves."""


class RepeatContacts(msgspec.Struct, array_like=True, gc=False):
    """The creations and the possible first contacts of one customer's tickets about one topic, in ms, ascending.

    `tickets` are the hashed IDs of the tickets that were solved, in the order of `solves`.
    """

    creations: list[int] = []
    solves: list[int] = []
    tickets: list[bytes] = []

    def replace(self, ticket: bytes, old: ContactSummary | None, new: ContactSummary | None) -> Sequence[int]:
        """Replace the old summary of a ticket (None: none) by the new one. The old one may have been forgotten.

        Return the creations that were removed or added, in ms.
        """
        was, now = old.solved if old else None, new.solved if new else None
        if was != now:
            self._replace_solve(ticket, was, now)
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

    def _replace_solve(self, ticket: bytes, was: int | None, now: int | None) -> None:
        if was is not None:
            for i in range(bisect_left(self.solves, was), bisect_right(self.solves, was)):
                if self.tickets[i] == ticket:
                    del self.solves[i], self.tickets[i]
                    break
        if now is not None:
            i = bisect_right(self.solves, now)
            self.solves.insert(i, now)
            self.tickets.insert(i, ticket)
            if len(self.solves) > MAX_CONTACTS:
                del self.solves[0], self.tickets[0]

    def is_repeated(self, contact: ContactSummary) -> bool:
        """Return whether another ticket was created within a week after a solve, both ends inside.

        The ticket itself may have been created in the moment of its solve.
        """
        solved = contact.solved
        if solved is None:
            return False
        within = bisect_right(self.creations, solved + WEEK) - bisect_left(self.creations, solved)
        return within > (contact.created == solved)

    def affected(self, created: int) -> Sequence[bytes]:
        """Return the hashed IDs of tickets that a creation (ms) may affect: those solved up to a week before.

        A ticket solved before an earlier creation is a repeat contact by that one. A ticket solved in the moment of it may
        be the one created then.
        """
        i = bisect_left(self.creations, created)
        oldest = created - WEEK
        if i and self.creations[i - 1] > oldest:
            oldest = self.creations[i - 1]
        return self.tickets[bisect_left(self.solves, oldest) : bisect_right(self.solves, created)]

    def forget(self, before: int) -> None:
        """Drop entries before a time in ms."""
        if self.creations and self.creations[0] < before:
            del self.creations[: bisect_left(self.creations, before)]
        if self.solves and self.solves[0] < before:
            i = bisect_left(self.solves, before)
            del self.solves[:i], self.tickets[:i]

    @property
    def newest_time(self) -> int | None:
        """Return the newest time in ms, None if it is empty."""
        newest = self.creations[-1] if self.creations else None
        if self.solves and (newest is None or newest < self.solves[-1]):
            newest = self.solves[-1]
        return newest


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], RepeatContacts] = msgspec.msgpack.Decoder(RepeatContacts).decode
