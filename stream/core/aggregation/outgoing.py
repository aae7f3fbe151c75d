"""Records that a partition sends to other topics: forwards, dead-letter records, derived events."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from msgspec import Struct

from schemas.codec import MAX_VALUE, encode
from schemas.envelope import EVENTS, Event
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.times import from_ms
from schemas.topics import DOMAINS, topics_of

Header = tuple[str, bytes | None]
HEADER_PREFIX = "cx_"
DERIVED_SOURCE = "/cxgauge"
_DOMAINS = {kind: topics_of(kind)[0].domain for kind in EVENTS}
"""The domain on whose topic an event belongs, of the erasure the first one."""


class RecordOrigin(NamedTuple):
    """The timestamp by which a record is classified, in ms, and whether it was forwarded before."""

    timestamp: int
    forwarded: bool


class OutgoingRecord(NamedTuple):
    """A record to be written to the input topic of a domain, or to the dead-letter topic if `domain` is empty.

    `partition` None leaves the choice to the producer, `timestamp` None means now.
    """

    domain: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    timestamp: int | None
    headers: list[Header]


class DerivedEvent(Struct, frozen=True, gc=False):
    """An event that follows from others. Times in ms."""

    data: Data
    id: str
    event_time: int
    record_timestamp: int


class Record(Protocol):
    """A record as read from Kafka. `timestamp` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


def record_origin(record: Record) -> RecordOrigin:
    """Return the origin from the headers of a forwarded or replayed record. The headers are trusted."""
    timestamp, forwarded = record.timestamp, False
    for name, value in record.headers:
        if name == "cx_timestamp" and value and value.isdigit() and len(value) < 16:
            timestamp = int(value)
        elif name == "cx_forwarded":
            forwarded = True
    return RecordOrigin(timestamp, forwarded)


def _origin_headers(record: Record, topic: str, partition: int) -> list[Header]:
    """Return the record's headers without ours, and the topic, partition, offset and time of its first read."""
    timestamp = record_origin(record).timestamp
    return [
        *((name, value) for name, value in record.headers if not name.startswith(HEADER_PREFIX)),
        ("cx_topic", topic.encode()),
        ("cx_partition", b"%d" % partition),
        ("cx_offset", b"%d" % record.offset),
        ("cx_timestamp", b"%d" % timestamp),
    ]


def forward(
    record: Record, domain: str, partition: int, key: bytes, owning_partition: int, timestamp: int
) -> OutgoingRecord:
    """Return the record for another partition, with its owner or the erased person as key."""
    headers = [*_origin_headers(record, f"cx.{domain}", partition), ("cx_forwarded", b"1")]
    return OutgoingRecord(domain, owning_partition, key, record.value, timestamp, headers)


def to_dead_letter(record: Record, topic: str, partition: int, reason: str, detail: str) -> OutgoingRecord:
    """Return the dead-letter record: the raw value, cut at 256 KiB, with reason and detail as headers."""
    value = record.value if record.value is None else record.value[:MAX_VALUE]
    headers = [
        ("cx_reason", reason.encode()),
        ("cx_detail", detail.encode(errors="replace")),
        *_origin_headers(record, topic, partition),
    ]
    return OutgoingRecord("", None, record.key, value, None, headers)


def _derived_source(installation: str) -> str:
    return f"{DERIVED_SOURCE}/{installation}" if installation else DERIVED_SOURCE


def is_from_another_installation(event: Event, installation: str) -> bool:
    """Return whether a derived event was written by workers with another `AggregationConfig.installation`.

    Their numbers are offsets in other partitions or were given under other settings, so they cannot be compared.
    """
    return _is_from_other_workers(event.source, installation)


@lru_cache(maxsize=64)  # a source may be long
def _is_from_other_workers(source: str, installation: str) -> bool:
    base, _, domain = source.rpartition("/")
    is_of_workers = domain in DOMAINS and (base == DERIVED_SOURCE or base.startswith(DERIVED_SOURCE + "/"))
    return is_of_workers and base != _derived_source(installation)


def derived_events(events: Iterable[DerivedEvent], domain: str, installation: str) -> Iterator[Event]:
    """Yield the events that a domain of an installation derived."""
    source = f"{_derived_source(installation)}/{domain}"
    for derived in events:
        data = derived.data
        yield EVENTS[type(data)](
            specversion="1.0", id=derived.id, source=source, time=from_ms(derived.event_time), data=data
        )


def derived_records(
    events: Sequence[DerivedEvent], domain: str, installation: str
) -> Iterator[OutgoingRecord]:
    """Yield the records of events that a domain of an installation derived."""
    for derived, event in zip(events, derived_events(events, domain, installation), strict=True):
        data = derived.data
        key = owner_of(data).encode()
        yield OutgoingRecord(_DOMAINS[type(data)], None, key, encode(event), derived.record_timestamp, [])
