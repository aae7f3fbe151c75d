"""Why a record cannot be used: its outcome, and a text naming field, what came and what is allowed."""

import re
from typing import Any, Literal

import msgspec
from msgspec import inspect

from .depth import MAX_DEPTH
from .envelope import EVENTS, ContextAttributes
from .fields import Data, abbreviated
from .topics import Topic, topics_of

_AT = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"missing required field `(.+)`")
_INSTANT = "an RFC 3339 date-time with an offset"
_ABSENT = object()

_HOMES = {kind.TYPE: topics_of(kind)[0].name for kind in EVENTS}


class Undecodable(ValueError):  # noqa: N818 - an outcome of a record, like `late`
    """A record that is no event of its topic."""

    def __init__(self, outcome: Literal["oversized", "invalid", "unknown_type"], detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


def bad_value(what: str, value: bytes, fault: Exception) -> Undecodable:
    """Bytes that are no JSON."""
    if isinstance(fault, RecursionError):  # the caller's own stack was deep
        return too_deep(what)
    reason = str(fault).removeprefix("JSON is malformed: ")
    return Undecodable("invalid", f"{what}: expected JSON in UTF-8, got {abbreviated(value)}: {reason}")


def too_deep(what: str) -> Undecodable:
    """Return the refusal of a value that is nested more deeply than allowed."""
    return Undecodable("invalid", f"{what}: nested too deeply, {MAX_DEPTH} levels are allowed")


def bad_attributes(fault: Exception, decoded: Any, *, prefix: str = "") -> Undecodable:
    """Attributes that are missing or wrong."""
    if not isinstance(decoded, dict):
        return Undecodable("invalid", f"value: expected a JSON object, got {abbreviated(decoded)}")
    return Undecodable("invalid", prefix + _text(fault, decoded, ContextAttributes))


def bad_type(name: str, topic: Topic) -> Undecodable:
    """A type that the topic does not carry."""
    if name in _HOMES:
        return Undecodable("unknown_type", f"type: {name} belongs on {_HOMES[name]}, not on {topic.name}")
    known = ", ".join(kind.TYPE for kind in topic.types)
    return Undecodable("unknown_type", f"type: expected one of {known}, got {abbreviated(name)}")


def bad_data(error: Exception, decoded: Any, kind: type[Data], *, inside: str = "") -> Undecodable:
    """Data that `kind` does not take. `found` is what `error`'s path, behind `inside`, leads into."""
    return Undecodable("invalid", _text(error, decoded, kind, inside))


def _text(error: Exception, decoded: Any, kind: type[msgspec.Struct], inside: str = "") -> str:
    """The text of msgspec's or our own error, in one form: path, what is allowed, what came."""
    match = _AT.match(str(error))
    text, path = (match["text"], match["path"] or "") if match else (str(error), "")
    path = (f".{inside}" if inside else "") + path
    where = path.lstrip(".")
    cause = error.__cause__
    if isinstance(cause, ValueError):
        return f"{where}.{cause}" if where else str(cause)
    if missing := _MISSING.search(text):
        return f"{where}.{missing[1]}: missing" if where else f"{missing[1]}: missing"
    came = _value_at(decoded, path)
    got = "" if came is _ABSENT else f", got {abbreviated(came)}"
    return f"{where or 'value'}: {_allowed(text, where, kind)}{got}"


def _allowed(text: str, where: str, kind: type[msgspec.Struct]) -> str:
    """What msgspec says is allowed, in plain words."""
    if text.startswith("Invalid enum value"):
        return "expected one of " + ", ".join(_members(kind, where.rpartition(".")[2]))
    if "RFC3339" in text or "timezone" in text:
        return f"expected {_INSTANT}"
    words = text.partition(", got ")[0].replace(" | ", " or ").replace("`", "").replace("float", "number")
    return words[:1].lower() + words[1:].replace("datetime", _INSTANT)


def _members(kind: type[msgspec.Struct], field: str) -> list[str]:
    """The members of a field's enumeration, in alphabetical order as msgspec keeps them."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    types = [part.type for part in info.fields if part.encode_name == field]
    for member in types:  # grows while unions and descriptions are taken off
        if isinstance(member, inspect.UnionType):
            types += member.types
        elif isinstance(member, inspect.Metadata):
            types.append(member.type)
        elif isinstance(member, inspect.LiteralType):
            return [str(value) for value in member.values]
    return []


def _value_at(decoded: Any, path: str) -> Any:
    """What is at msgspec's path, or `_ABSENT` where the path does not say."""
    for name, index in _STEP.findall(path):
        if name and isinstance(decoded, dict):
            decoded = decoded.get(name, _ABSENT)
        elif index.isdigit() and isinstance(decoded, list) and int(index) < len(decoded):
            decoded = decoded[int(index)]
        else:
            return _ABSENT
    return decoded
