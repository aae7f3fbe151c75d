"""Answers and refusals of the API in JSON, and the parameters that its requests share."""

from collections.abc import Mapping

import orjson
from aiohttp import web

MAX_ROWS = 1_000
"""Maximum number of rows in one answer."""
DEFAULT_ROWS = 100
RETRY_AFTER = "5"
"""Seconds after which a client may ask again, as a header value."""
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def json_answer(document: Mapping[str, object]) -> web.Response:
    """Return an answer that no cache keeps."""
    return web.Response(body=orjson.dumps(document), content_type="application/json", headers=_HEADERS)


def refusal(kind: type[web.HTTPError], reason: str, **headers: str) -> web.HTTPError:
    """Return a refusal whose document says why."""
    return kind(
        text=orjson.dumps({"error": reason}).decode(),
        content_type="application/json",
        headers=_HEADERS | headers,
    )


def not_yet(reason: str) -> web.HTTPError:
    """Return a refusal for now."""
    return refusal(web.HTTPServiceUnavailable, reason, **{"Retry-After": RETRY_AFTER})


def check_names(query: Mapping[str, str], allowed: set[str]) -> None:
    """Raise HTTPBadRequest for a parameter that would be ignored."""
    if unknown := sorted(set(query) - allowed):
        text = f"{unknown[0]!r}: allowed parameters are {', '.join(sorted(allowed))}"
        raise refusal(web.HTTPBadRequest, text)


def limit_of(query: Mapping[str, str]) -> int:
    """Return the number of rows that a request wants. Raises HTTPBadRequest."""
    text = query.get("limit", str(DEFAULT_ROWS))
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MAX_ROWS):
        raise refusal(web.HTTPBadRequest, f"limit: allowed is a whole number from 1 to {MAX_ROWS}")
    return int(text)
