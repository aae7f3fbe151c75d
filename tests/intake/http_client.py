"""Requests with the standard library, and with curl."""

import json
import subprocess
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"


class HttpAnswer(NamedTuple):
    """A response with its JSON document, None if it has none."""

    status: int
    headers: dict[str, str]
    document: Any


def send(
    url: str,
    body: bytes | str,
    content_type: str | None = STRUCTURED,
    *,
    method: str = "POST",
    path: str = "/v1/events",
    **headers: str,
) -> HttpAnswer:
    """Send a request. Underscores in names of headers become hyphens."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        given["Content-Type"] = content_type
    try:
        connection.request(method, path, body.encode() if isinstance(body, str) else body, given)
        return _read(connection)
    finally:
        connection.close()


def _read(connection: HTTPConnection) -> HttpAnswer:
    response = connection.getresponse()
    raw = response.read()
    is_json = "json" in response.headers.get("Content-Type", "")
    return HttpAnswer(
        response.status,
        {name.lower(): value for name, value in response.headers.items()},
        json.loads(raw) if is_json else raw.decode(),
    )


def send_events(url: str, events: Any, content_type: str = BATCH, path: str = "/v1/events") -> HttpAnswer:
    """Send events as JSON."""
    return send(url, json.dumps(events), content_type, path=path)


def curl(*arguments: str) -> tuple[int, Any]:
    """Return the status and the document of a response to curl."""
    result = subprocess.run(
        ["curl", "-sS", "-w", "\n%{http_code}", *arguments], capture_output=True, text=True, check=True
    )
    document, _, status = result.stdout.rpartition("\n")
    return int(status), json.loads(document)
