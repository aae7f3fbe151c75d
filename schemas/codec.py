"""Decoding and encoding of events: JSON in both modes of the CloudEvents binding for Kafka."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from .depth import ALWAYS_SHALLOW, is_too_deep
from .envelope import EVENTS, ContextAttributes, Event
from .explain import Undecodable, bad_attributes, bad_data, bad_type, bad_value, too_deep
from .fields import Data, abbreviated, field_error
from .times import cut_fractions, from_ms, has_long_fraction, is_in_range
from .topics import Topic, topics_of
from .unknown_fields import DECODE_ERRORS, DataReader, Decoded, DecodedBatch, EventReader

__all__ = ["CONTENT_TYPE", "MAX_VALUE", "Decoded", "Decoder", "Undecodable", "encode", "make"]

MAX_VALUE = 262_144
"""Allowed size of a record's value, in bytes."""

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
"""The header of a record in structured mode."""

Headers = Sequence[tuple[str, bytes | None]]

_ATTRIBUTES = ("specversion", "id", "source", "time", "type")

encode = msgspec.json.Encoder().encode
"""Encode an event as a structured CloudEvent. Absent and default values are left out."""


class Decoder:
    """Decodes the records of one topic.

    A valid value without unknown fields is decoded in one pass. An invalid one is decoded again to find the text of its
    error. `batch_types` are the structs that `decode_all` uses instead of the events with these types of data.
    """

    def __init__(self, topic: Topic, batch_types: Mapping[type[Data], type[Event]] = EVENTS) -> None:
        self._topic = topic
        self._structured = EventReader([EVENTS[kind] for kind in topic.types])
        self._batched = EventReader([batch_types.get(kind, EVENTS[kind]) for kind in topic.types])
        self._data = {kind.TYPE: (kind, DataReader(kind)) for kind in topic.types}

    def decode(self, value: bytes | None, headers: Headers) -> Event:
        """Return the event in a record. Raises Undecodable, and nothing else, if the bytes are not a valid event."""
        return self.decode_with_unknown(value, headers).event

    def decode_with_unknown(self, value: bytes | None, headers: Headers) -> Decoded:
        """Return the event in a record with the names of its unknown fields. Raises Undecodable, and nothing else."""
        if value is not None and len(value) > MAX_VALUE:
            raise Undecodable("oversized", f"value: {len(value)} bytes, {MAX_VALUE} are allowed")
        for name, _ in headers:
            if name == "ce_specversion":
                return self._binary(value, headers)
        raw = value or b""
        if len(raw) > ALWAYS_SHALLOW and is_too_deep(raw):
            raise too_deep("value")
        if has_long_fraction(raw):
            raw = cut_fractions(raw)
        try:
            decoded = self._structured.decode(raw)
            if decoded.event.specversion is None or not decoded.event.source:
                decoded.event.complete()
        except DECODE_ERRORS as error:
            raise self._structured_error(value, error) from None
        _check_time(decoded.event, "time")
        return decoded

    def decode_all(self, values: Sequence[bytes | None]) -> DecodedBatch | None:
        """Return the events of records in structured mode, None if any record must be decoded on its own.

        Whether a time is in range is not checked: it would be far from that of its record.
        """
        try:
            if has_long_fraction(b"\n".join(values)):  # type: ignore[arg-type]  # of None: a TypeError
                values = [cut_fractions(value) for value in values]  # type: ignore[arg-type]
            decoded = self._batched.decode_all(values)  # type: ignore[arg-type]
        except (TypeError, *DECODE_ERRORS):
            return None
        if max(map(len, values), default=0) > ALWAYS_SHALLOW and not all(map(_is_acceptable, values)):  # type: ignore[arg-type]
            return None
        complete = [event.specversion and event.source for event in decoded.events]
        return decoded if all(complete) else None

    def _structured_error(self, value: bytes | None, error: Exception) -> Undecodable:
        """Return the error of a structured event for which msgspec or a struct raised `error`."""
        if not value:
            return Undecodable("invalid", f"value: expected a JSON object, got {_describe_empty(value)}")
        if is_too_deep(value):  # a value cut short, too
            return too_deep("value")
        try:
            decoded = msgspec.json.decode(value)
        except DECODE_ERRORS as json_error:
            return bad_value("value", value, json_error)
        try:
            context = msgspec.convert(decoded, ContextAttributes)
        except ValueError as context_error:
            return bad_attributes(context_error, decoded)
        if context.type not in self._data:
            return bad_type(context.type, self._topic)
        return bad_data(error, decoded, self._data[context.type][0])

    def _binary(self, value: bytes | None, headers: Headers) -> Decoded:
        attributes = _attributes(
            [
                (name, _cut_time(raw) if name == "ce_time" and raw is not None else raw)
                for name, raw in headers
            ]
        )
        try:
            context = msgspec.convert(attributes, ContextAttributes)
        except ValueError as error:
            raise bad_attributes(error, attributes, prefix="ce_") from None
        if context.type not in self._data:
            raise bad_type(context.type, self._topic)
        kind, reader = self._data[context.type]
        if not value:
            raise Undecodable("invalid", f"data: expected a JSON object, got {_describe_empty(value)}")
        if is_too_deep(value):
            raise too_deep("data")
        try:
            data, unknown = reader.decode(cut_fractions(value) if has_long_fraction(value) else value)
        except DECODE_ERRORS as error:
            raise _data_error(value, error, kind) from None
        event = EVENTS[kind](
            specversion="1.0", id=context.id, source=context.source, time=context.time, data=data
        )
        _check_time(event, "ce_time")
        return Decoded(event, unknown)


def _check_time(event: Event, name: str) -> None:
    if not is_in_range(event.time):
        error = field_error(name, "a time in the years 1 to 9999 in UTC", event.time.isoformat())
        raise Undecodable("invalid", str(error))


def _is_acceptable(value: bytes) -> bool:
    return len(value) <= ALWAYS_SHALLOW or (len(value) <= MAX_VALUE and not is_too_deep(value))


def make(data: Data, *, id: str, source: str, time: datetime | int) -> Event:  # noqa: A002
    """Return an event as its readers will decode it. Raises Undecodable if it is invalid.

    `time` is aware, or in ms since the epoch.
    """
    if type(data) not in EVENTS:
        shown = abbreviated(data)
        raise Undecodable("invalid", f"data: expected a struct such as FeedbackSubmitted, got {shown}")
    when = from_ms(time) if isinstance(time, int) else time
    raw = encode(EVENTS[type(data)](specversion="1.0", id=id, source=source, time=when, data=data))
    return _READERS[type(data)].decode(raw, ())


def _data_error(value: bytes, error: Exception, kind: type[Data]) -> Undecodable:
    """Return the error of the data of a binary event for which msgspec or a struct raised `error`."""
    try:
        decoded = msgspec.json.decode(value)
    except DECODE_ERRORS as json_error:
        return bad_value("data", value, json_error)
    return bad_data(error, {"data": decoded}, kind, inside="data")


def _attributes(headers: Headers) -> dict[str, Any]:
    """Return the values of the `ce_` headers by attribute. Invalid UTF-8 stays bytes, which no attribute accepts."""
    decoded: dict[str, Any] = {"specversion": ""}  # invalid, unless a header replaces it
    for name, raw in headers:
        if name.startswith("ce_") and raw is not None and name[3:] in _ATTRIBUTES:
            try:
                decoded[name[3:]] = raw.decode()
            except UnicodeDecodeError:
                decoded[name[3:]] = raw
    return decoded


def _cut_time(raw: bytes) -> bytes:
    prefix = b'"time":"'
    return cut_fractions(prefix + raw)[len(prefix) :]


def _describe_empty(value: bytes | None) -> str:
    return "null (a tombstone)" if value is None else "an empty value"


_READERS = {kind: Decoder(topics_of(kind)[0]) for kind in EVENTS}
