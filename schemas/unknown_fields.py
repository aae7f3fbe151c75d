"""Decoding that ignores unknown fields of an event's `data` and returns their names.

The structs of data forbid unknown fields, so that a value without any is decoded in one pass. If that fails, the value
is decoded again into copies of the structs that ignore unknown fields.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, Union, get_type_hints

from msgspec import Raw, Struct, defstruct, json

from .envelope import Event
from .fields import Data

_Members = dict[str, Raw]

DECODE_ERRORS = (ValueError, RecursionError)  # UnicodeDecodeError and msgspec's errors are ValueErrors


class Decoded(NamedTuple):
    """An event, and the names of the unknown fields of its data that are not null."""

    event: Event
    unknown: tuple[str, ...] = ()


class DecodedBatch(NamedTuple):
    """Events, and the names of the unknown fields of their data that are not null, by position. Most have none."""

    events: list[Event]
    unknown: dict[int, tuple[str, ...]]


class EventReader:
    """Decodes events in structured mode. Invalid values raise one of `DECODE_ERRORS`."""

    def __init__(self, kinds: Sequence[type[Event]]) -> None:
        self._strict = _decoder(kinds)
        self._lenient = _decoder([_lenient_event(kind) for kind in kinds])

    def decode(self, value: bytes) -> Decoded:
        """Return the event in a value."""
        try:
            return Decoded(self._strict(value))
        except DECODE_ERRORS:
            event, unknown = self._decode_again(value)
            return Decoded(event, _not_null(unknown))

    def decode_all(self, values: Sequence[bytes]) -> DecodedBatch:
        """Return the events in values."""
        events: list[Event] = []
        names_by_position = {}
        while len(events) < len(values):
            try:
                events.extend(map(self._strict, values[len(events) :]))
            except DECODE_ERRORS:  # the events before it are in the list
                # Events with unknown fields rarely come alone, and each failure costs as much as a decoding.
                for position in range(len(events), len(values)):
                    event, unknown = self._decode_again(values[position])
                    events.append(event)
                    if not unknown:
                        break
                    if names := _not_null(unknown):
                        names_by_position[position] = names
        return DecodedBatch(events, names_by_position)

    def _decode_again(self, value: bytes) -> tuple[Event, _Members]:
        """Return the event in a value, and the unknown members of its data."""
        event = self._lenient(value)
        data = event.data
        _restore_class(data)
        _restore_class(event)
        return event, _unknown(_members(_decode_enveloped, value).data, type(data))


class DataReader:
    """Decodes the data of one type of event on its own. Invalid values raise one of `DECODE_ERRORS`."""

    def __init__(self, kind: type[Data]) -> None:
        self._kind = kind
        self._strict = _decoder([kind])
        self._lenient = _decoder([_lenient(kind)])

    def decode(self, value: bytes) -> tuple[Any, tuple[str, ...]]:
        """Return the data in a value, and the names of its unknown fields that are not null."""
        try:
            return self._strict(value), ()
        except DECODE_ERRORS:
            data = self._lenient(value)
            _restore_class(data)
            return data, _not_null(_unknown(_members(_decode_object, value), self._kind))


class _Enveloped(Struct):
    data: _Members


_decode_enveloped = json.Decoder(_Enveloped).decode
_decode_object = json.Decoder(_Members).decode


def _decoder(kinds: Sequence[type[Struct]]) -> Any:
    return json.Decoder(Union[tuple(kinds)]).decode  # noqa: UP007


@cache
def _lenient(kind: type[Struct], fields: tuple[tuple[str, Any], ...] = ()) -> Any:
    """Return a copy of a struct that ignores unknown fields. `fields` replace those of the same name."""
    return defstruct(
        f"Lenient{kind.__name__}",
        fields,
        bases=(kind,),
        module=__name__,
        kw_only=True,
        tag=kind.__struct_config__.tag,
        forbid_unknown_fields=False,
    )


def _lenient_event(kind: type[Event]) -> Any:
    return _lenient(kind, (("data", _lenient(get_type_hints(kind)["data"])),))


def _restore_class(struct: Any) -> None:
    """Make an instance of a lenient copy one of the copied struct, which has the same layout, without validation."""
    struct.__class__ = type(struct).__base__


def _members(decode: Any, value: bytes) -> Any:
    """Decode the members of valid data. Broken UTF-8 is an error in the name of a member only, and is replaced there."""
    try:
        return decode(value)
    except UnicodeDecodeError:
        return decode(value.decode(errors="replace"))


@cache
def _field_names(kind: type[Data]) -> frozenset[str]:
    return frozenset(kind.__struct_fields__)


def _unknown(members: _Members, kind: type[Data]) -> _Members:
    known = _field_names(kind)
    return {name: raw for name, raw in members.items() if name not in known}


def _not_null(members: _Members) -> tuple[str, ...]:
    return tuple([name for name, raw in members.items() if bytes(raw) != b"null"])
