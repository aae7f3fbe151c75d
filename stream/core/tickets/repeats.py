"""Repeated contacts: what the tickets of one person about one topic need to know of each other.

Kept for each (person, topic): when tickets were created, and which were solved when in what may have been a first
contact. Both as packed, sorted entries, so that a customer with many tickets costs copies of bytes and not decoding:
29 bytes a ticket, at most 0.3 MB. What is too old for a figure that is still held is forgotten, and past `MOST`
tickets the oldest.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator

import msgspec

from stream.core.metrics.fcr import WEEK
from stream.core.tickets.facts import Link, ms_of, stamp

MOST = 10_000
"""Creations, and solves, that are kept."""
AT, SOLVED = 6, 6 + 17
"""Bytes of an entry: of a creation its time, of a solve its time and the ticket's key."""


class Repeats(msgspec.Struct, array_like=True, gc=False):
    """The creations and the possible first contacts of one person's tickets about one topic."""

    person: bytes
    creations: bytes = b""
    solves: bytes = b""

    def change(self, key: bytes, old: Link | None, new: Link | None) -> None:
        """Replace what a ticket told by what it tells now; what it told may have been forgotten."""
        was, now = old and old.created, new and new.created
        if was != now:
            self.creations = _changed(self.creations, AT, _entry(was), _entry(now))[-AT * MOST :]
        was, now = old and old.solved, new and new.solved
        if was != now:
            self.solves = _changed(self.solves, SOLVED, _entry(was, key), _entry(now, key))[-SOLVED * MOST :]

    def repeated(self, solved: int) -> bool:
        """Whether a ticket was created within a week after a moment in ms.

        Not the one that was solved then: it was created before.
        """
        at = stamp(solved + 1)
        if self.creations[-AT:] < at:
            return False
        i = AT * _index(self.creations, AT, at)
        return self.creations[i : i + AT] <= stamp(solved + WEEK)

    def concerned(self, created: int) -> Iterator[bytes]:
        """The keys of tickets for which a creation at that moment decides: no other lies between solve and it."""
        if not self.solves:
            return
        at = stamp(created)
        i = _index(self.creations, AT, at)
        oldest = max(stamp(created - WEEK), self.creations[AT * (i - 1) : AT * i] if i else b"")
        for n in range(_index(self.solves, SOLVED, oldest), _index(self.solves, SOLVED, at)):
            yield self.solves[SOLVED * n + AT : SOLVED * (n + 1)]

    def forget(self, before: int) -> None:
        """Drop what lies before a moment in ms."""
        at = stamp(before)
        if self.creations[:AT] < at:
            self.creations = self.creations[AT * _index(self.creations, AT, at) :]
        if self.solves[:AT] < at:
            self.solves = self.solves[SOLVED * _index(self.solves, SOLVED, at) :]

    @property
    def newest(self) -> int | None:
        """The newest moment in ms, None when it is empty."""
        last = max(self.creations[-AT:], self.solves[-SOLVED:])
        return ms_of(last) if last else None


def _entry(at: int | None, key: bytes = b"") -> bytes:
    return b"" if at is None else stamp(at) + key


def _index(entries: bytes, width: int, entry: bytes) -> int:
    """How many of the entries sort before one."""
    if entries[-width:] < entry:
        return len(entries) // width
    return bisect_left(
        range(len(entries) // width), entry, key=lambda i: entries[i * width : i * width + width]
    )


def _changed(entries: bytes, width: int, gone: bytes, come: bytes) -> bytes:
    """The entries without one, as far as it is there, and with another; either may be empty."""
    if gone:
        i = width * _index(entries, width, gone)
        entries = entries[:i] + entries[i + width :] if entries[i : i + width] == gone else entries
    i = width * _index(entries, width, come) if come else 0
    return entries[:i] + come + entries[i:]


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Repeats] = msgspec.msgpack.Decoder(Repeats).decode
