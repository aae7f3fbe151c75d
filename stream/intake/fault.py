"""The parts of a decoder's error: field, received and allowed value."""

import re
from typing import Any

import msgspec

from stream.text import printable

_EXPECTED = re.compile(r"(?P<field>[^:]+): expected (?P<allowed>.+?)(?:, got (?P<got>.*))?", re.DOTALL)
_HOME = re.compile(r"(?P<field>type): (?P<got>\S+) (?P<allowed>(belongs on|is written by) .*)", re.DOTALL)
_SIZE = re.compile(r"(?P<field>value): (?P<got>\d+ bytes), (?P<allowed>\d+) are allowed")
_OTHER = re.compile(r"(?P<field>[^:\s]+): (?P<allowed>.*)", re.DOTALL)


class EventFault(msgspec.Struct, frozen=True):
    """The error of an event.

    Attributes:
        index: position of the event in the request, from 0
        field: path of the field, empty if the whole event is meant
        got: the received value as text, None if it is missing
        allowed: the allowed values in words
        detail: all of it as one text
        status: status of a response to the event alone
    """

    index: int
    field: str
    got: str | None
    allowed: str
    detail: str
    status: int = 400

    @property
    def document(self) -> dict[str, Any]:
        """Return the fault as members of a JSON object."""
        return {
            "index": self.index,
            "status": self.status,
            "field": self.field,
            "got": self.got,
            "allowed": self.allowed,
            "detail": self.detail,
        }


def fault_of(index: int, detail: str, status: int = 400) -> EventFault:
    """Return the fault in an error's text, such as `data.score: expected int, got 'nine'`."""
    if detail.startswith("ce_"):  # the prefix of attributes in Kafka's headers
        detail = f"ce-{detail[3:]}"
    detail = printable(detail)
    matches = (pattern.fullmatch(detail) for pattern in (_EXPECTED, _HOME, _SIZE, _OTHER))
    match = next(filter(None, matches), None)
    if match is None:
        return EventFault(index, "", None, "", detail, status)
    parts = match.groupdict()
    allowed = "a value" if parts["allowed"] == "missing" else parts["allowed"]
    return EventFault(index, parts["field"], parts.get("got"), allowed, detail, status)
