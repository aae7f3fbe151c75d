"""A dead letter as it lies in its topic, and which ones a command is about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from stream.core.aggregation.outgoing import HEADER_PREFIX, Header


class DeadLetter(NamedTuple):
    """One record of the topic. `buried` is its timestamp in ms: when it became a dead letter."""

    partition: int
    offset: int
    dead_lettered_at: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]

    def header_text(self, name: str) -> str:
        """A header of ours, empty when it has none."""
        value_ = next((value for key, value in self.headers if key == name), None)
        return (value_ or b"").decode(errors="replace")

    @property
    def position(self) -> str:
        """Where it lies, as `show` takes it."""
        return f"{self.partition}:{self.offset}"

    @property
    def reason(self) -> str:
        """The outcome it was judged with."""
        return self.header_text("cx_reason")

    @property
    def topic(self) -> str:
        """The default name of the topic that it was read from."""
        return self.header_text("cx_topic")

    @property
    def own_headers(self) -> list[Header]:
        """The headers that it came with."""
        return [(name, value) for name, value in self.headers if not name.startswith(HEADER_PREFIX)]

    @property
    def digest(self) -> bytes:
        """What is the same for two copies of one letter and for no others: offset and partition of its source are in it."""
        return blake2b(msgspec.msgpack.encode(self[2:]), digest_size=16).digest()


def dead_letter_of(record: ConsumerRecord) -> DeadLetter:
    """The letter in a record."""
    where = (record.partition, record.offset, record.timestamp)
    return DeadLetter(*where, record.key, record.value, tuple(record.headers))


class Filter(NamedTuple):
    """Which letters are meant: all that are empty or None hold for every letter. Times in ms, of burial."""

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    key: bytes | None = None
    positions: frozenset[str] = frozenset()

    def matches(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.topics or letter.topic in self.topics)
            and (self.since is None or letter.dead_lettered_at >= self.since)
            and (self.until is None or letter.dead_lettered_at < self.until)
            and (self.key is None or letter.key == self.key)
            and (not self.positions or letter.position in self.positions)
        )


def format_time(ms: int) -> str:
    """A time in ms for people."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def printable(raw: bytes | str | None) -> str:
    """Text for a terminal: whatever could steer it is escaped."""
    text = "" if raw is None else raw if isinstance(raw, str) else raw.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
