"""The document in the body of a webhook."""

from typing import Any
from urllib.parse import parse_qsl

from stream.intake.media_types import parse_media_type
from stream.mapping.documents import decode

MAX_FIELDS = 1_000
FORM = "application/x-www-form-urlencoded"


def document_of(body: bytes, content_type: str) -> Any:
    """Return the JSON document of a body, or the fields of a form by name.

    If the only field of a form is `payload`, the document is the JSON in it. Of a field that comes several times the
    value is a list. Raises ValueError for a body that is neither.
    """
    media_type = parse_media_type(content_type)
    if media_type is None or media_type.essence != FORM:
        return decode(body)
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
    return decode(payload.encode()) if len(fields) == 1 and isinstance(payload, str) else fields
