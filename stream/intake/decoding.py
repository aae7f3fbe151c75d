"""Validation of events by the decoder that workers use, and the records that they become."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from schemas.codec import CONTENT_TYPE, MAX_VALUE, Decoder, Undecodable, encode
from schemas.envelope import EVENTS, Event, at_ms
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.times import MAX_AHEAD, from_ms
from schemas.topics import DERIVED, Topic, topics_of
from schemas.unknown_fields import Decoded
from stream.intake.fault import EventFault, fault_of
from stream.intake.splitting import UndecodedEvent

TYPES = tuple(kind for kind in EVENTS if kind not in DERIVED)
_DECODER = Decoder(Topic("POST /v1/events", "intake", TYPES))


class OutgoingEvent(NamedTuple):
    """A record for the input topics of these domains. `timestamp` in ms is that of the record."""

    domains: tuple[str, ...]
    key: bytes
    value: bytes
    timestamp: int
    headers: Sequence[tuple[str, bytes]]


class AcceptedEvent(msgspec.Struct, frozen=True):
    """A valid event with its record, and the names of the unknown fields of its data."""

    index: int
    id: str
    record: OutgoingEvent
    unknown: tuple[str, ...]
    kind: type[Data]


Permission = Callable[[type[Data]], str]
"""Returns why a source may not send events of a type, empty if it may."""


class _EventWithRawData(msgspec.Struct):
    specversion: str
    id: str
    source: str
    type: str
    time: str
    data: msgspec.Raw


class _DataOnly(msgspec.Struct):
    data: msgspec.Raw


def decode(
    events: Sequence[UndecodedEvent], now: int, permission: Permission
) -> tuple[list[AcceptedEvent], list[EventFault]]:
    """Return the valid events of a request and the faults of the others, both in their order. `now` in ms."""
    accepted, faults = [], []
    for index, undecoded in enumerate(events):
        result = _decode(index, undecoded, now, permission)
        if isinstance(result, EventFault):
            faults.append(result)
        else:
            accepted.append(result)
    return accepted, faults


def _decode(
    index: int, undecoded: UndecodedEvent, now: int, permission: Permission
) -> AcceptedEvent | EventFault:
    try:
        decoded = _DECODER.decode_with_unknown(undecoded.value, undecoded.headers)
    except Undecodable as error:
        return fault_of(index, error.detail, 413 if error.outcome == "oversized" else 400)
    event = decoded.event
    if refusal := permission(type(event.data)):
        return fault_of(index, f"type: {refusal}", 403)
    if (event_time := at_ms(event)) > now + MAX_AHEAD:
        allowed = f"up to 5 minutes after {from_ms(now).isoformat()}"
        return fault_of(index, f"time: expected {allowed}, got {from_ms(event_time).isoformat()}")
    value = _value_with_unknown(undecoded, decoded) if decoded.unknown else encode(event)
    if len(value) > MAX_VALUE:
        return fault_of(index, f"value: {len(value)} bytes, {MAX_VALUE} are allowed", 413)
    return AcceptedEvent(index, event.id, record_of(event, now, value), decoded.unknown, type(event.data))


def record_of(event: Event, now: int, value: bytes | None = None) -> OutgoingEvent:
    """Return the record of an event, with its owner as key. `value` None stands for the encoded event."""
    kind = type(event.data)
    return OutgoingEvent(
        tuple(topic.domain for topic in topics_of(kind)),
        owner_of(event.data).encode(),
        encode(event) if value is None else value,
        now,
        [CONTENT_TYPE],
    )


def _value_with_unknown(undecoded: UndecodedEvent, decoded: Decoded) -> bytes:
    """Return an event with its data as it came, so that workers count the names of its unknown fields."""
    event = decoded.event
    data = (
        undecoded.value
        if undecoded.headers
        else bytes(msgspec.json.decode(undecoded.value, type=_DataOnly).data)
    )
    return msgspec.json.encode(
        _EventWithRawData(
            specversion="1.0",
            id=event.id,
            source=event.source,
            type=event.data.TYPE,
            time=event.time.isoformat(),
            data=msgspec.Raw(data.strip()),
        )
    )
