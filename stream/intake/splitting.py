"""The events in a body, still undecoded."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from schemas.depth import is_too_deep
from schemas.fields import abbreviated
from stream.intake.binary_mode import Attributes
from stream.intake.media_types import BATCH, LINES, Mode
from stream.intake.problem import ProblemError, bad_request, too_large

MAX_EVENTS = 1_000
"""Allowed number of events in a request."""

_Array = msgspec.json.Decoder(list[msgspec.Raw])


class UndecodedEvent(NamedTuple):
    """An event as the codec of Kafka's records reads it: its value, and headers in binary mode."""

    value: bytes
    headers: Sequence[tuple[str, bytes | None]] = ()


def split(mode: Mode, body: bytes, attributes: Attributes) -> list[UndecodedEvent]:
    """Return the events of a body. Raises ProblemError if there are none to be told apart, or too many."""
    if mode is Mode.BINARY:
        return [UndecodedEvent(body, attributes)]
    if mode is Mode.BATCH:
        events = _elements(body)
    elif mode is Mode.LINES:
        events = [UndecodedEvent(line) for line in body.split(b"\n") if line and not line.isspace()]
        if not events:
            raise _unreadable(f"body: expected JSON Lines ({LINES}), got no line")
    else:
        if body.lstrip()[:1] == b"[":
            raise _unreadable(f"body: expected a JSON object, got an array, whose content type is {BATCH}")
        events = [UndecodedEvent(body)]
    if len(events) > MAX_EVENTS:
        raise too_large(f"body: {len(events)} events, {MAX_EVENTS} are allowed")
    return events


def _elements(body: bytes) -> list[UndecodedEvent]:
    if is_too_deep(body):
        raise _unreadable("body: nested too deeply")
    try:
        return [UndecodedEvent(bytes(raw)) for raw in _Array.decode(body)]
    except (ValueError, RecursionError) as error:
        raise _unreadable(
            f"body: expected a JSON array of events, got {abbreviated(body)}: {error}"
        ) from None


def _unreadable(detail: str) -> ProblemError:
    return bad_request("unreadable-body", "The body cannot be read", detail)
