"""Sources of events, and the topics and types that each may send."""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from aiohttp import web

from schemas.fields import Data
from schemas.topics import DOMAINS, topics_of
from stream.config.intake_settings import SourceToken
from stream.http.auth import CHALLENGE, BasicAuth
from stream.intake.exchange import problem_of
from stream.intake.problem import unauthorized

MARK = "cxg_"
"""Beginning of every token that we make, by which scanners of repositories can recognise it."""
ANONYMOUS = "anonymous"
"""The source of requests while neither tokens nor passwords are configured."""
UNKNOWN = "unknown"
"""The source of requests that were not authenticated."""


class Grant(NamedTuple):
    """A source with the domains and types that it may send. Without types all types of the domains are allowed."""

    source: str
    domains: frozenset[str] = frozenset(DOMAINS)
    types: frozenset[str] = frozenset()

    def refusal(self, kind: type[Data]) -> str:
        """Return why the source may not send events of a type, empty if it may."""
        needed = {topic.domain for topic in topics_of(kind)}
        if not needed <= self.domains:
            allowed = ", ".join(sorted(self.domains))
            return f"expected a type of {allowed}, which are the topics of this token, got {kind.TYPE}"
        if self.types and kind.TYPE not in self.types:
            allowed = ", ".join(sorted(self.types))
            return f"expected one of {allowed}, which are the types of this token, got {kind.TYPE}"
        return ""


def make_token() -> str:
    """Return a new token with 256 random bits."""
    return MARK + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return the hash of a token for the configuration.

    A token has too many random bits to be guessed, so that a slow hash would only slow down requests.
    """
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


async def by_password(passwords: BasicAuth, header: str, address: str) -> str:
    """Return the user in an `Authorization` header. Raises ProblemError: 401, or 429 or 503 if too many wait."""
    try:
        user = await passwords.user(header, address)
    except web.HTTPException as error:
        raise problem_of(error, "unauthorized") from None
    if user is None:
        raise unauthorized("Authorization: missing, unknown user or wrong password", CHALLENGE)
    return user


def by_token(header: str, tokens: Mapping[str, SourceToken]) -> Grant:
    """Return the grant of the bearer token in an `Authorization` header. Raises ProblemError (401)."""
    scheme, _, presented = header.partition(" ")
    if scheme.lower() != "bearer" or not presented.strip():
        detail = "Authorization: expected a bearer token" + (
            f", got scheme {scheme[:20]!r}" if scheme else ""
        )
        raise unauthorized(detail, 'Bearer realm="cxgauge"')
    hashed = token_hash(presented.strip())
    # no early exit, so that the time does not tell which hash it resembles
    matching = [name for name, token in tokens.items() if hmac.compare_digest(token.sha256, hashed)]
    if not matching:
        raise unauthorized(
            "Authorization: the token is not known", 'Bearer realm="cxgauge", error="invalid_token"'
        )
    token = tokens[matching[0]]
    return Grant(matching[0], frozenset(token.topics), frozenset(token.types))
