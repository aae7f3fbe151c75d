"""Attributes in headers, as of CloudEvents' HTTP binding 1.0.2, section 3.1.3.2."""

import re
from collections.abc import Iterable

from stream.intake.problem import bad_request

PREFIX = "ce-"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")

Attributes = list[tuple[str, bytes | None]]
"""Attributes as headers of Kafka's binary mode."""


def has_attributes(names: Iterable[str]) -> bool:
    """Return whether there are headers of attributes."""
    return any(name[: len(PREFIX)].lower() == PREFIX for name in names)


def attributes(headers: Iterable[tuple[str, str]]) -> Attributes:
    """Return the attributes in the headers of a request in binary mode. In the other modes they are not read.

    Raises ProblemError for an attribute that comes twice, or is not UTF-8 after decoding.
    """
    decoded: dict[str, bytes | None] = {}
    for name, value in headers:
        lower = name.lower()
        if not lower.startswith(PREFIX):
            continue
        key = f"ce_{lower.removeprefix(PREFIX)}"
        if key in decoded:
            raise bad_request("invalid-header", "A header is invalid", f"{lower}: comes twice")
        decoded[key] = _decode(lower, value)
    return list(decoded.items())


def _decode(name: str, value: str) -> bytes:
    """Return the UTF-8 bytes of a value: unquoted, then decoded by one round of percent decoding."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    raw = _PERCENT.sub(
        lambda match: bytes.fromhex(match[1].decode()), value.encode("utf-8", "surrogateescape")
    )
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise bad_request(
            "invalid-header",
            "A header is invalid",
            f"{name}: expected UTF-8 after percent-decoding, got {value[:100]}",
        ) from None
    return raw
