"""Translating the records of a topic to events and dead letters, by a mapping."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.codec import CONTENT_TYPE, MAX_VALUE, encode
from schemas.envelope import Event, at_ms
from schemas.keys import owner_of
from schemas.topics import topics_of
from stream.bridge.options import Timestamps
from stream.core.aggregation.outgoing import Header, OutgoingRecord, Record, to_dead_letter
from stream.mapping import documents
from stream.mapping.mapping import EventMapping, MappingError, summary

MAX_KEY_AND_HEADERS = 1 << 20
"""Bytes of key and headers that a dead letter keeps. The dead-letter topic takes 4 MiB in all."""
_FRAMED = (
    "value: begins with byte 0, as the Avro, Protobuf and JSON Schema serializers of a Schema Registry write; allowed is "
    "plain JSON, such as that of org.apache.kafka.connect.json.JsonConverter"
)


class Source(NamedTuple):
    """A partition of the source topic."""

    topic: str
    partition: int


@dataclass
class Headless:
    """A record without its key and headers."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[Header] = ()


class Counts:
    """The numbers of records read, by outcome, and of events sent. Each record read has one outcome."""

    def __init__(self, mapped: int = 0, ignored: int = 0, dead_letters: int = 0, events: int = 0) -> None:
        self.mapped, self.ignored, self.dead_letters, self.events = mapped, ignored, dead_letters, events

    def add(self, other: "Counts") -> None:
        """Add other numbers."""
        self.mapped += other.mapped
        self.ignored += other.ignored
        self.dead_letters += other.dead_letters
        self.events += other.events

    def __str__(self) -> str:
        """Return a line for logs."""
        return (
            f"{self.mapped + self.ignored + self.dead_letters:,} records: {self.mapped:,} mapped, {self.ignored:,} ignored, "
            f"{self.dead_letters:,} in dead letters; {self.events:,} events"
        )


class Translated(NamedTuple):
    """The records to be sent for some source records, and the numbers of those."""

    outgoing: list[OutgoingRecord]
    counts: Counts


class Translator:
    """Translates records by a mapping. It has no state."""

    def __init__(self, mapping: EventMapping, timestamps: Timestamps) -> None:
        self._mapping, self._timestamps = mapping, timestamps

    def translate_all(self, records: Iterable[Record], source: Source, now: int) -> Translated:
        """Return the records to be sent for records of one partition, in their order. `now` in ms."""
        outgoing: list[OutgoingRecord] = []
        counts = Counts()
        for record in records:
            sent, fault = self.translate(record, source, now)
            counts.events += len(sent)
            counts.dead_letters += bool(fault)
            counts.mapped += bool(sent and not fault)
            counts.ignored += not (sent or fault)
            outgoing += sent
            if fault:
                outgoing.append(dead_letter(record, source, fault))
        return Translated(outgoing, counts)

    def translate(self, record: Record, source: Source, now: int) -> tuple[list[OutgoingRecord], str]:
        """Return the events of a record, ready to be sent, and the fault of those that could not be made.

        No events and an empty fault: a tombstone, or no rule took the record.
        """
        if record.value is None:
            return [], ""
        try:
            document = decode(record.value)
        except ValueError as error:
            return [], str(error)
        if document is None:
            return [], ""
        outgoing: list[OutgoingRecord] = []
        faults = []
        for result in self._mapping.events(document, given(record, source)):
            if isinstance(result, MappingError):
                faults.append(str(result))
            elif len(value := encode(result)) > MAX_VALUE:
                faults.append(f"{result.data.TYPE}: {len(value)} bytes, {MAX_VALUE} are allowed")
            else:
                outgoing += self._addressed(result, value, record, now)
        return outgoing, summary(faults)

    def _addressed(self, event: Event, value: bytes, record: Record, now: int) -> Iterable[OutgoingRecord]:
        """Yield an event for each of its topics, with its owner as key, as `schemas.publish` does.

        A timestamp in the future becomes the present, because the broker refuses one that is far ahead.
        """
        timestamp = now
        if self._timestamps == "event":
            timestamp = at_ms(event)
        elif self._timestamps == "record" and record.timestamp >= 0:
            timestamp = record.timestamp
        key = owner_of(event.data).encode()
        for topic in topics_of(type(event.data)):
            yield OutgoingRecord(topic.domain, None, key, value, min(timestamp, now), [CONTENT_TYPE])


def decode(value: bytes) -> Any:
    """Return the JSON document of a value. Raises ValueError with the received and the allowed."""
    if value[:1] == b"\0":
        raise ValueError(_FRAMED)
    try:
        return documents.decode(value)
    except ValueError as error:
        raise ValueError(f"value: {error}") from error


def given(record: Record, source: Source) -> Mapping[str, Any]:
    """Return the names, besides its fields, that expressions may read of a record."""
    return {
        "_key": None if record.key is None else _key(record.key),
        "_headers": {name.lower(): _text(value) for name, value in record.headers},
        "_timestamp": record.timestamp if record.timestamp >= 0 else None,
        "_topic": source.topic,
        "_partition": source.partition,
        "_offset": record.offset,
    }


def _key(key: bytes) -> Any:
    """Return a key that is a JSON object, array or string, decoded. Any other is a text: 007 is no number."""
    if key[:1] in (b"{", b"[", b'"'):
        with suppress(ValueError):
            return documents.decode(key)
    return _text(key)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def dead_letter(record: Record, source: Source, fault: str) -> OutgoingRecord:
    """Return the dead letter of a record. One that the topic would not take loses its key and headers."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    if headers + len(record.key or b"") > MAX_KEY_AND_HEADERS:
        record = Headless(record.offset, record.timestamp, record.value)
        fault = (
            f"{fault}; key and headers are left out, because they have more than {MAX_KEY_AND_HEADERS} bytes"
        )
    return to_dead_letter(record, source.topic, source.partition, "invalid", fault)
