"""The document in the body of a webhook."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from schemas.depth import is_too_deep
from stream.intake.media_types import parse_media_type

MAX_FIELDS = 1_000
FORM = "application/x-www-form-urlencoded"


def document_of(body: bytes, content_type: str) -> Any:
    """Return the JSON document of a body, or the fields of a form by name.

    If the only field of a form is `payload`, the document is the JSON in it. Of a field that comes several times the
    value is a list. Raises ValueError for a body that is neither.
    """
    media_type = parse_media_type(content_type)
    if media_type is None or media_type.essence != FORM:
        return _json(body)
    fields: dict[str, Any] = {}
    pairs = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MAX_FIELDS
    )
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    payload = fields.get("payload")
    return _json(payload.encode()) if len(fields) == 1 and isinstance(payload, str) else fields


def _json(raw: bytes) -> Any:
    if is_too_deep(raw):
        raise ValueError("JSON is nested too deeply")
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
