"""Responses, and the middleware of all requests."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from stream.http.guard import Guard
from stream.intake.problem import CONTENT_TYPE, ProblemError
from stream.text import printable

log = logging.getLogger(__name__)

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
_TITLES = {404: "There is nothing at this path", 405: "The method is not allowed"}


def json_response(
    status: int,
    document: Any,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    """Return a response with a JSON document."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        headers={**_HEADERS, **(headers or {}), "Content-Type": content_type},
    )


def problem_response(problem: ProblemError) -> web.Response:
    """Return the response of a problem."""
    document = {
        name: printable(value) if isinstance(value, str) else value
        for name, value in problem.document.items()
    }
    return json_response(problem.status, document, headers=problem.headers, content_type=CONTENT_TYPE)


def text_response(text: str, status: int = 200) -> web.Response:
    """Return a response with plain text."""
    return web.Response(status=status, text=text, headers=_HEADERS)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as problem details, and tell the guard of the connection that the request ended."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return problem_response(problem)
    except web.HTTPException as error:
        return problem_response(problem_of(error))
    except Exception:
        log.exception("Unexpected error")
        return problem_response(ProblemError(500, "unexpected", "An unexpected error occurred"))
    finally:
        guard = request.transport.get_protocol() if request.transport is not None else None
        if isinstance(guard, Guard):
            guard.end_request()


def problem_of(error: web.HTTPException, outcome: str = "invalid") -> ProblemError:
    """Return the problem of an error that aiohttp or a check of `stream.http` raised."""
    kept = {name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers}
    title = _TITLES.get(error.status, error.reason)
    detail = "" if error.status in _TITLES else (error.text or "").strip()
    return ProblemError(error.status, f"http-{error.status}", title, detail, outcome=outcome, headers=kept)
