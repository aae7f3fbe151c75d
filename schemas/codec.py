"""Events from bytes and to bytes: JSON in either mode of the CloudEvents binding for Kafka."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Union

import msgspec

from .depth import ALWAYS_SHALLOW, is_too_deep
from .envelope import EVENTS, ContextAttributes, Event
from .explain import Undecodable, bad_attributes, bad_data, bad_type, bad_value, too_deep
from .fields import Data
from .times import from_ms
from .topics import Topic, topics_of

__all__ = ["CONTENT_TYPE", "MAX_VALUE", "Decoder", "Undecodable", "encode", "make"]

MAX_VALUE = 262_144
"""Bytes that a record's value may have."""

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
"""The header of a record in structured mode."""

Headers = Sequence[tuple[str, bytes | None]]

_ATTRIBUTES = ("specversion", "id", "source", "time", "type")
_DECODE_ERRORS = (ValueError, RecursionError)  # UnicodeDecodeError and msgspec's errors are ValueErrors

encode = msgspec.json.Encoder().encode
"""An event as a structured CloudEvent. What is absent or as by default is left out."""


class Decoder:
    """Decodes the records of one topic. One pass when all is well; what is not is looked at again for its text.

    `batch_types`: structs that `decode_all` uses in place of the events with these types of data.
    """

    def __init__(self, topic: Topic, batch_types: Mapping[type[Data], type[Event]] = EVENTS) -> None:
        self._topic = topic
        self._structured = _structured([EVENTS[kind] for kind in topic.types])
        self._batched = _structured([batch_types.get(kind, EVENTS[kind]) for kind in topic.types])
        self._data = {kind.TYPE: (kind, msgspec.json.Decoder(kind)) for kind in topic.types}

    def decode(self, value: bytes | None, headers: Headers) -> Event:
        """The event in a record. Raises Undecodable, and nothing else, whatever the bytes."""
        if value is not None and len(value) > MAX_VALUE:
            raise Undecodable("oversized", f"value: {len(value)} bytes, {MAX_VALUE} are allowed")
        for name, _ in headers:
            if name == "ce_specversion":
                return self._binary(value, headers)
        raw = value or b""
        if len(raw) > ALWAYS_SHALLOW and is_too_deep(raw):
            raise too_deep("value")
        try:
            event: Event = self._structured.decode(raw)
            if event.specversion is None or not event.source:
                event.complete()
        except _DECODE_ERRORS as error:
            raise self._structured_error(value, error) from None
        return event

    def decode_all(self, values: Sequence[bytes | None]) -> list[Event] | None:
        """Return the events of records in structured mode, None if any record must be decoded on its own."""
        try:
            events: list[Event] = list(map(self._batched.decode, values))  # of None: a TypeError
        except (TypeError, *_DECODE_ERRORS):
            return None
        if max(map(len, values), default=0) > ALWAYS_SHALLOW and not all(map(_is_acceptable, values)):  # type: ignore[arg-type]
            return None
        complete = [event.specversion and event.source for event in events]
        return events if all(complete) else None

    def _structured_error(self, value: bytes | None, error: Exception) -> Undecodable:
        """What is wrong with a structured event that `error` was raised for."""
        if not value:
            return Undecodable("invalid", f"value: expected a JSON object, got {_describe_empty(value)}")
        if is_too_deep(value):  # also one cut short
            return too_deep("value")
        try:
            decoded = msgspec.json.decode(value)
        except _DECODE_ERRORS as fault:
            return bad_value("value", value, fault)
        try:
            head = msgspec.convert(decoded, ContextAttributes)
        except ValueError as fault:
            return bad_attributes(fault, decoded)
        if head.type not in self._data:
            return bad_type(head.type, self._topic)
        return bad_data(error, decoded, self._data[head.type][0])

    def _binary(self, value: bytes | None, headers: Headers) -> Event:
        attributes = _attributes(headers)
        try:
            head = msgspec.convert(attributes, ContextAttributes)
        except ValueError as fault:
            raise bad_attributes(fault, attributes, prefix="ce_") from None
        if head.type not in self._data:
            raise bad_type(head.type, self._topic)
        kind, decoder = self._data[head.type]
        if not value:
            raise Undecodable("invalid", f"data: expected a JSON object, got {_describe_empty(value)}")
        if is_too_deep(value):
            raise too_deep("data")
        try:
            data = decoder.decode(value)
        except _DECODE_ERRORS as error:
            raise _data_error(value, error, kind) from None
        return EVENTS[kind](specversion="1.0", id=head.id, source=head.source, time=head.time, data=data)


def _is_acceptable(value: bytes) -> bool:
    return len(value) <= ALWAYS_SHALLOW or (len(value) <= MAX_VALUE and not is_too_deep(value))


def _structured(kinds: Sequence[type[Event]]) -> Any:
    return msgspec.json.Decoder(Union[tuple(kinds)])  # noqa: UP007


def make(data: Data, *, id: str, source: str, time: datetime | int) -> Event:  # noqa: A002
    """An event as its readers will see it. `time`: aware, or ms since the epoch. Raises Undecodable."""
    when = from_ms(time) if isinstance(time, int) else time
    raw = encode(EVENTS[type(data)](specversion="1.0", id=id, source=source, time=when, data=data))
    return _READERS[type(data)].decode(raw, ())


def _data_error(value: bytes, error: Exception, kind: type[Data]) -> Undecodable:
    """What is wrong with the data of a binary event that `error` was raised for."""
    try:
        decoded = msgspec.json.decode(value)
    except _DECODE_ERRORS as fault:
        return bad_value("data", value, fault)
    return bad_data(error, {"data": decoded}, kind, inside="data")


def _attributes(headers: Headers) -> dict[str, Any]:
    """The `ce_` headers by attribute; a value that is not UTF-8 stays bytes, which no attribute takes."""
    decoded: dict[str, Any] = {"specversion": ""}  # unless a header that is not null says more
    for name, raw in headers:
        if name.startswith("ce_") and raw is not None and name[3:] in _ATTRIBUTES:
            try:
                decoded[name[3:]] = raw.decode()
            except UnicodeDecodeError:
                decoded[name[3:]] = raw
    return decoded


def _describe_empty(value: bytes | None) -> str:
    return "null (a tombstone)" if value is None else "an empty value"


_READERS = {kind: Decoder(topics_of(kind)[0]) for kind in EVENTS}
