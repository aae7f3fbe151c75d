"""Challenges, with which vendors check that an address is a webhook before they send to it."""

import hmac
import re
from typing import Any

from aiohttp import web

from stream.intake.exchange import json_response, text_response
from stream.intake.problem import ProblemError, unauthorized

_SAFE = re.compile(r"[\w.~+/=: %-]{1,1024}", re.ASCII)
"""Challenges that are repeated. Nothing in them can be read as HTML."""


def answer_get(request: web.Request, challenge_token: str) -> web.Response:
    """Answer a GET or HEAD request: a challenge in the query, or nothing.

    `hub.challenge` (WebSub, Meta) is repeated only with the configured token. Raises ProblemError (401, 405).
    """
    if request.method == "HEAD":
        return text_response("")
    query = request.query
    if challenge := query.get("hub.challenge"):
        token = query.get("hub.verify_token", "")
        if not challenge_token or not hmac.compare_digest(token.encode(), challenge_token.encode()):
            raise unauthorized("hub.verify_token: it is not the challenge_token of this webhook")
        return text_response(_checked(challenge))
    if challenge := query.get("challenge"):
        return text_response(_checked(challenge))
    raise ProblemError(405, "http-405", "The method is not allowed", headers={"Allow": "POST"})


def answer_options(request: web.Request) -> web.Response:
    """Answer the handshake of CloudEvents' webhooks: the named origin may send."""
    response = text_response("")
    if origin := request.headers.get("WebHook-Request-Origin"):
        response.headers["WebHook-Allowed-Origin"] = _checked(origin)
        response.headers["WebHook-Allowed-Rate"] = "*"
    response.headers["Allow"] = "POST"
    return response


def answer_validation(request: web.Request) -> web.Response | None:
    """Answer Microsoft Graph's check, which is not signed: it repeats `validationToken` of the query.

    Return None for any other request.
    """
    token = request.query.get("validationToken")
    return None if token is None else text_response(_checked(token))


def answer_verification(document: Any) -> web.Response | None:
    """Answer a challenge in a payload (Slack, monday.com), None for another payload."""
    if not isinstance(document, dict) or not isinstance(challenge := document.get("challenge"), str):
        return None
    is_challenge = document.get("type") == "url_verification" or len(document) == 1
    return json_response(200, {"challenge": challenge}) if is_challenge else None


def _checked(text: str) -> str:
    if not _SAFE.fullmatch(text):
        raise ProblemError(
            400, "invalid-parameter", "A parameter is invalid", "challenge: unexpected characters"
        )
    return text
