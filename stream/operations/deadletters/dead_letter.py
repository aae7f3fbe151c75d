"""Dead letters of the topic, and the filter that selects them for a command."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from schemas.times import from_ms
from stream.core.aggregation.outgoing import HEADER_PREFIX, Header


class DeadLetter(NamedTuple):
    """A record of the dead-letter topic. `dead_lettered_at` is its timestamp in ms."""

    partition: int
    offset: int
    dead_lettered_at: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]

    def header_text(self, name: str) -> str:
        """Return the text of the first header with this name, empty if there is none."""
        value_ = next((value for key, value in self.headers if key == name), None)
        return (value_ or b"").decode(errors="replace")

    @property
    def position(self) -> str:
        """Partition and offset in the form that `cxgauge deadletter show` takes."""
        return f"{self.partition}:{self.offset}"

    @property
    def reason(self) -> str:
        """The outcome of the record, such as `invalid`."""
        return self.header_text("cx_reason")

    @property
    def topic(self) -> str:
        """The default name of the record's source topic."""
        return self.header_text("cx_topic")

    @property
    def original_headers(self) -> list[Header]:
        """The headers of the source record, without those that cxgauge added."""
        return [(name, value) for name, value in self.headers if not name.startswith(HEADER_PREFIX)]

    @property
    def digest(self) -> bytes:
        """A hash that only copies share, because the headers name the source partition and offset."""
        return blake2b(msgspec.msgpack.encode(self[2:]), digest_size=16).digest()


def dead_letter_of(record: ConsumerRecord) -> DeadLetter:
    """Return the dead letter in a consumed record."""
    return DeadLetter(
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )


class Filter(NamedTuple):
    """Criteria for dead letters.

    Empty sets and None match every one. `since` and `until` are record timestamps in ms.
    """

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    key: bytes | None = None
    positions: frozenset[str] = frozenset()

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter meets all criteria."""
        return (
            (not self.reasons or dead_letter.reason in self.reasons)
            and (not self.topics or dead_letter.topic in self.topics)
            and (self.since is None or dead_letter.dead_lettered_at >= self.since)
            and (self.until is None or dead_letter.dead_lettered_at < self.until)
            and (self.key is None or dead_letter.key == self.key)
            and (not self.positions or dead_letter.position in self.positions)
        )


def format_time(ms: int) -> str:
    """Format a time in ms since the epoch as UTC, to the second. One outside of the years 1 to 9999 stays a number."""
    try:
        return f"{from_ms(ms):%Y-%m-%d %H:%M:%S}Z"
    except OverflowError:
        return f"{ms} ms"
