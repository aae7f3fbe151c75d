"""Basic authentication of every request, with bcrypt off the event loop."""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping

import bcrypt
from aiohttp import web
from aiohttp.typedefs import Middleware

MAX_CACHED_CREDENTIALS = 100
"""Good credentials that are not verified again."""
MAX_WAITING = 32
"""Requests that may wait for a verification, which takes a tenth of a second of a core."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BasicAuth:
    """Lets in who knows a password."""

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self._users = users
        self._costly = max(users.values(), key=lambda hashed: hashed[4:6])
        self._secret = secrets.token_bytes(32)
        self._good: dict[bytes, None] = {}
        self._hashing = asyncio.Lock()
        self._waiting = 0

    async def authenticate(self, header: str) -> bool:
        """Whether an `Authorization` header names a user and their password.

        An unknown user takes as long as a wrong password. Raises HTTPServiceUnavailable when too many ask.
        """
        credentials = _decoded(header)
        if credentials is None:
            return False
        mark = hmac.digest(self._secret, credentials, "sha256")
        if mark in self._good:
            return True
        user, _, password = credentials.partition(b":")
        known = self._users.get(user.decode(errors="replace"))
        if self._waiting >= MAX_WAITING:
            raise web.HTTPServiceUnavailable(text="too many passwords are being verified\n")
        self._waiting += 1
        try:
            async with self._hashing:
                good = (
                    await asyncio.to_thread(_matches, password, known or self._costly) and known is not None
                )
        finally:
            self._waiting -= 1
        if good:
            self._good[mark] = None
            if len(self._good) > MAX_CACHED_CREDENTIALS:
                del self._good[next(iter(self._good))]
        return good


def middleware(users: Mapping[str, bytes]) -> Middleware:
    """What stands before every handler."""
    door = BasicAuth(users)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not await door.authenticate(request.headers.get("Authorization", "")):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="cxgauge", charset="UTF-8"'})
        return await handler(request)

    return guarded


def _decoded(header: str) -> bytes | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password, hashed)
    except ValueError:  # longer than bcrypt takes, or a zero byte in it
        return False
