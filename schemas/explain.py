"""Errors of records that cannot be decoded: the outcome, and a text with field, allowed values and received value."""

import re
from difflib import get_close_matches
from typing import Any, Literal

import msgspec
from msgspec import inspect

from .depth import MAX_DEPTH
from .envelope import EVENTS, ContextAttributes
from .fields import Data, abbreviated
from .topics import DERIVED, Topic, topics_of

_AT = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"missing required field `(.+)`")
_INSTANT = "an RFC 3339 date-time with an offset"
_ABSENT = object()
_COMPARED_NAMES, _COMPARED_LENGTH = 20, 64
"""Unknown names that are compared with a missing one, and their maximum length. A record may have thousands."""

_HOMES = {kind.TYPE: topics_of(kind)[0].name for kind in EVENTS}
_DERIVED = {kind.TYPE for kind in DERIVED}


class Undecodable(ValueError):  # noqa: N818 - an outcome of a record, like `late`
    """A record that is not an event of its topic.

    Attributes:
        outcome: the outcome of the record
        detail: the error, for people
    """

    def __init__(self, outcome: Literal["oversized", "invalid", "unknown_type"], detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


def bad_value(part: str, value: bytes, error: Exception) -> Undecodable:
    """Return the error of bytes that are not JSON. `part` of the record is the value or the data."""
    if isinstance(error, RecursionError):  # the stack of the caller was deep already
        return too_deep(part)
    reason = str(error).removeprefix("JSON is malformed: ")
    return Undecodable("invalid", f"{part}: expected JSON in UTF-8, got {abbreviated(value)}: {reason}")


def too_deep(part: str) -> Undecodable:
    """Return the error of a value or data nested more deeply than allowed."""
    return Undecodable("invalid", f"{part}: nested too deeply, {MAX_DEPTH} levels are allowed")


def bad_attributes(error: Exception, decoded: Any, *, prefix: str = "") -> Undecodable:
    """Return the error of missing or invalid context attributes. `prefix` is that of their headers in binary mode."""
    if not isinstance(decoded, dict):
        return Undecodable("invalid", f"value: expected a JSON object, got {abbreviated(decoded)}")
    return Undecodable("invalid", prefix + _text(error, decoded, ContextAttributes))


def bad_type(name: str, topic: Topic) -> Undecodable:
    """Return the error of an event type that does not belong on the topic."""
    if name in _DERIVED:
        return Undecodable("unknown_type", f"type: {name} is written by workers only, to {_HOMES[name]}")
    if name in _HOMES:
        return Undecodable("unknown_type", f"type: {name} belongs on {_HOMES[name]}, not on {topic.name}")
    known = ", ".join(kind.TYPE for kind in topic.types)
    return Undecodable("unknown_type", f"type: expected one of {known}, got {abbreviated(name)}")


def bad_data(error: Exception, decoded: Any, kind: type[Data], *, inside: str = "") -> Undecodable:
    """Return the error of data that is not a valid `kind`.

    `decoded` is the JSON value in which the path of msgspec's error is looked up. `inside` is the part of this path
    that the error lacks.
    """
    return Undecodable("invalid", _text(error, decoded, kind, inside))


def _text(error: Exception, decoded: Any, kind: type[msgspec.Struct], inside: str = "") -> str:
    """Return the text of an error of msgspec or of our own, in one form: path, allowed values, received value."""
    match = _AT.match(str(error))
    text, path = (match["text"], match["path"] or "") if match else (str(error), "")
    path = (f".{inside}" if inside else "") + path
    where = path.lstrip(".")
    cause = error.__cause__
    if isinstance(cause, ValueError):
        return f"{where}.{cause}" if where else str(cause)
    if missing := _MISSING.search(text):
        name = f"{where}.{missing[1]}" if where else missing[1]
        return f"{name}: missing{_misspelt(missing[1], _value_at(decoded, path), kind)}"
    value = _value_at(decoded, path)
    got = "" if value is _ABSENT else f", got {abbreviated(value)}"
    return f"{where or 'value'}: {_allowed(text, where, kind)}{got}"


def _misspelt(missing: str, members: Any, kind: type[msgspec.Struct]) -> str:
    """Return a question about an unknown member whose name resembles a missing one. Empty if there is none."""
    names = members if isinstance(members, dict) else ()
    unknown = [name for name in names if name not in kind.__struct_fields__ and len(name) <= _COMPARED_LENGTH]
    close = get_close_matches(missing, unknown[:_COMPARED_NAMES], n=1, cutoff=0.7)
    return f", is {abbreviated(close[0])} meant?" if close else ""


def _allowed(text: str, where: str, kind: type[msgspec.Struct]) -> str:
    """Return the allowed values from msgspec's text, in plain words."""
    if text.startswith("Invalid enum value"):
        return "expected one of " + ", ".join(_members(kind, where.rpartition(".")[2]))
    if "RFC3339" in text or "timezone" in text:
        return f"expected {_INSTANT}"
    words = text.partition(", got ")[0].replace(" | ", " or ").replace("`", "").replace("float", "number")
    return words[:1].lower() + words[1:].replace("datetime", _INSTANT)


def _members(kind: type[msgspec.Struct], field: str) -> list[str]:
    """Return the members of a field's enumeration, in alphabetical order as msgspec keeps them."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    types = [part.type for part in info.fields if part.encode_name == field]
    for member in types:  # grows as unions and metadata are unwrapped
        if isinstance(member, inspect.UnionType):
            types += member.types
        elif isinstance(member, inspect.Metadata):
            types.append(member.type)
        elif isinstance(member, inspect.LiteralType):
            return [str(value) for value in member.values]
    return []


def _value_at(decoded: Any, path: str) -> Any:
    """Return the value at msgspec's path, `_ABSENT` if the path leads nowhere."""
    for name, index in _STEP.findall(path):
        if name and isinstance(decoded, dict):
            decoded = decoded.get(name, _ABSENT)
        elif index.isdigit() and isinstance(decoded, list) and int(index) < len(decoded):
            decoded = decoded[int(index)]
        else:
            return _ABSENT
    return decoded
