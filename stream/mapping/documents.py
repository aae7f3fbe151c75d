"""JSON documents, from which mappings make events."""

from typing import Any

import msgspec

from schemas.depth import is_too_deep
from schemas.fields import abbreviated


def decode(raw: bytes) -> Any:
    """Return a JSON document. Raises ValueError with the received and the allowed."""
    if is_too_deep(raw):
        raise ValueError("nested too deeply")
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise ValueError(f"expected JSON in UTF-8, got {abbreviated(raw)}: {reason}") from error
