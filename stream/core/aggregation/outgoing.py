"""What leaves a partition: forwards to where a key belongs, dead letters, events derived from others."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.codec import MAX_VALUE, encode
from schemas.envelope import EVENTS
from schemas.fields import Data
from schemas.keys import default_record_key
from schemas.times import from_ms
from schemas.topics import topics_of

Header = tuple[str, bytes | None]
HEADER_PREFIX = "cx_"


class RecordOrigin(NamedTuple):
    """The timestamp a record is judged by, in ms, and whether it was forwarded before."""

    timestamp: int
    forwarded: bool


class OutgoingRecord(NamedTuple):
    """A record to be written. `domain` is that of an input, or empty for the dead letters.

    `partition` None: the producer's choice. `timestamp` None: the present.
    """

    domain: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    timestamp: int | None
    headers: list[Header]


class DerivedEvent(NamedTuple):
    """An event that follows from others. One ID is used for all repetitions, which makes them duplicates.

    Times in ms.
    """

    data: Data
    id: str
    event_time: int
    record_timestamp: int


class Record(Protocol):
    """What is read from Kafka. `timestamp` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


def record_origin(record: Record) -> RecordOrigin:
    """What the headers of a forward or of a replayed dead letter say; they are believed."""
    timestamp, forwarded = record.timestamp, False
    for name, value in record.headers:
        if name == "cx_timestamp" and value and value.isdigit() and len(value) < 16:
            timestamp = int(value)
        elif name == "cx_forwarded":
            forwarded = True
    return RecordOrigin(timestamp, forwarded)


def _origin_headers(record: Record, topic: str, partition: int) -> list[Header]:
    """The record's own headers, and where and when it was first read."""
    first = record_origin(record).timestamp
    return [
        *((name, value) for name, value in record.headers if not name.startswith(HEADER_PREFIX)),
        ("cx_topic", topic.encode()),
        ("cx_partition", b"%d" % partition),
        ("cx_offset", b"%d" % record.offset),
        ("cx_timestamp", b"%d" % first),
    ]


def forward(
    record: Record, domain: str, partition: int, key: bytes, home: int, timestamp: int
) -> OutgoingRecord:
    """The record as it goes to the partition that its key belongs to."""
    headers = [*_origin_headers(record, f"cx.{domain}", partition), ("cx_forwarded", b"1")]
    return OutgoingRecord(domain, home, key, record.value, timestamp, headers)


def to_dead_letter(record: Record, topic: str, partition: int, reason: str, detail: str) -> OutgoingRecord:
    """The record as a dead letter: raw, cut at 256 KiB, with the reason."""
    value = record.value if record.value is None else record.value[:MAX_VALUE]
    headers = [
        ("cx_reason", reason.encode()),
        ("cx_detail", detail.encode(errors="replace")),
        *_origin_headers(record, topic, partition),
    ]
    return OutgoingRecord("", None, record.key, value, None, headers)


def derived_record(derived: DerivedEvent, domain: str) -> OutgoingRecord:
    """Return the record of an event that a domain derived."""
    kind = type(derived.data)
    event = EVENTS[kind](
        specversion="1.0",
        id=derived.id,
        source=f"/cxgauge/{domain}",
        time=from_ms(derived.event_time),
        data=derived.data,
    )
    key, topic = default_record_key(derived.data).encode(), topics_of(kind)[0]
    return OutgoingRecord(topic.domain, None, key, encode(event), derived.record_timestamp, [])
