"""The checked content of an event, by which two changes of one moment are told apart."""

from collections.abc import Collection

import msgspec
from msgspec.structs import asdict

from schemas.dimensions import Dimensions

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def usable_label(value: object) -> str | None:
    """Return a label's value without white space around it, None unless it is a string of 1 to 64 characters."""
    trimmed = value.strip() if isinstance(value, str) else ""
    return trimmed if 1 <= len(trimmed) <= 64 else None


def checked_content(data: Dimensions, labels: Collection[str]) -> bytes:
    """Return the fields of an event's data as bytes, of its `labels` only those that are allowed and usable."""
    fields = asdict(data)
    given = fields.pop("labels") or {}
    return _encode((fields, {name: usable_label(given.get(name)) for name in labels}))
