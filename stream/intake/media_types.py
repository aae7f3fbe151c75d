"""The mode of a request by its content type: CloudEvents' three over HTTP, and JSON with bare events."""

import re
from enum import Enum
from typing import NamedTuple

from stream.intake.problem import ProblemError, unsupported

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(rf"\s*({_NAME}/{_NAME})\s*((?:;.*)?)", re.DOTALL)
_CHARSET = re.compile(rf";\s*charset\s*=\s*(?:\"([^\"]*)\"|({_NAME}))", re.IGNORECASE)
_UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_LINES = frozenset(
    {
        "application/jsonl",
        "application/x-jsonl",
        "application/jsonlines",
        "application/x-jsonlines",
        "application/ndjson",
        "application/x-ndjson",
        "application/json-lines",
    }
)
BATCH, STRUCTURED, LINES = (
    "application/cloudevents-batch+json",
    "application/cloudevents+json",
    "application/x-ndjson",
)
_ALLOWED = (
    f"allowed are {STRUCTURED}, {BATCH}, {LINES} (JSON Lines of events), application/json (one event), "
    "and application/json with ce- headers (binary mode)"
)


class Mode(Enum):
    """How events are in a request."""

    BINARY = "binary"
    STRUCTURED = "structured"
    BATCH = "batch"
    LINES = "lines"
    BARE = "bare"


class MediaType(NamedTuple):
    """A media type in lower case, with its charset, which is empty if there is none."""

    essence: str
    charset: str

    @property
    def is_json(self) -> bool:
        """Return whether it is of JSON."""
        return self.essence in ("application/json", "text/json") or self.essence.endswith("+json")


def parse_media_type(header: str) -> MediaType | None:
    """Return the media type in a `Content-Type` header, None if it is malformed."""
    match = _MEDIA_TYPE.fullmatch(header)
    if match is None:
        return None
    charset = _CHARSET.search(match[2])
    return MediaType(match[1].lower(), (charset[1] or charset[2] or "").lower() if charset else "")


def mode_of(content_type: str | None, *, has_attributes: bool) -> Mode:
    """Return the mode of a request. `has_attributes`: it has headers of CloudEvents.

    Raises ProblemError (415). Without a content type only the binary mode is read, whose headers a web page cannot send
    to another site unasked.
    """
    if content_type is None or not content_type.strip():
        if has_attributes:
            return Mode.BINARY
        raise _error("none")
    media_type = parse_media_type(content_type)
    if media_type is None:
        raise _error(content_type)
    if media_type.charset not in _UTF_8:
        raise unsupported(f"Content-Type: charset is {media_type.charset}, allowed is utf-8")
    mode = _by_essence(media_type, has_attributes=has_attributes)
    if mode is None:
        raise _error(content_type)
    return mode


def _by_essence(media_type: MediaType, *, has_attributes: bool) -> Mode | None:
    if media_type.essence.startswith("application/cloudevents-batch"):
        return Mode.BATCH if media_type.is_json else None
    if media_type.essence.startswith("application/cloudevents"):
        return Mode.STRUCTURED if media_type.is_json else None
    if has_attributes:
        return Mode.BINARY if media_type.is_json else None
    if media_type.essence in _LINES:
        return Mode.LINES
    return Mode.BARE if media_type.essence == "application/json" else None


def _error(content_type: str) -> ProblemError:
    return unsupported(f"Content-Type: got {content_type[:100]}, {_ALLOWED}")
