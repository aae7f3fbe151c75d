"""Basic authentication of every request. Passwords are verified by bcrypt outside the event loop, one at a time."""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections import Counter
from collections.abc import Mapping

import bcrypt
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stream.http.guard import network_of

MAX_CACHED_CREDENTIALS = 100
"""Maximum number of verified credentials that are not verified again."""
MAX_WAITING = 32
"""Maximum number of requests that wait for a verification. One takes a tenth of a second of a core."""
MAX_WAITING_OF_ADDRESS = 8
"""Maximum number of them from one address."""
CHALLENGE = 'Basic realm="cxgauge", charset="UTF-8"'
"""The `WWW-Authenticate` header of a 401."""
RETRY_AFTER = "1"
"""Seconds after which a refused client may try again, as a header value."""


class BasicAuth:
    """The users and their bcrypt hashes, with a cache of verified credentials."""

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self._users = users
        self._slowest_hash = max(users.values(), key=lambda hashed: hashed[4:6])
        self._secret = secrets.token_bytes(32)
        self._verified: dict[bytes, None] = {}
        self._hashing = asyncio.Lock()
        self._waiting: Counter[str] = Counter()

    async def user(self, header: str, address: str) -> str | None:
        """Return the user whose name and password an `Authorization` header has, None if there is none.

        An unknown user takes as long as a wrong password.

        Raises:
            HTTPTooManyRequests: too many requests of this address wait
            HTTPServiceUnavailable: too many requests wait
        """
        credentials = _decoded(header)
        if credentials is None:
            return None
        digest = hmac.digest(self._secret, credentials, "sha256")
        name, _, password = credentials.partition(b":")
        user = name.decode(errors="replace")
        if digest in self._verified:
            return user
        known_hash = self._users.get(user)
        self._check_queue(address)
        self._waiting[address] += 1
        try:
            async with self._hashing:
                is_valid = (
                    await asyncio.to_thread(_matches, password, known_hash or self._slowest_hash)
                    and known_hash is not None
                )
        finally:
            self._waiting -= Counter((address,))  # drops an address that has none left
        if is_valid:
            self._verified[digest] = None
            if len(self._verified) > MAX_CACHED_CREDENTIALS:
                del self._verified[next(iter(self._verified))]
        return user if is_valid else None

    def _check_queue(self, address: str) -> None:
        headers = {"Retry-After": RETRY_AFTER}
        if self._waiting[address] >= MAX_WAITING_OF_ADDRESS:
            raise web.HTTPTooManyRequests(
                headers=headers, text="too many passwords of your address are being verified, try again\n"
            )
        if self._waiting.total() >= MAX_WAITING:
            raise web.HTTPServiceUnavailable(
                headers=headers, text="too many passwords are being verified, try again\n"
            )


def middleware(users: Mapping[str, bytes]) -> Middleware:
    """Return a middleware that answers 401 unless a request authenticates."""
    basic_auth = BasicAuth(users)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        if await basic_auth.user(authorization, network_of(request.remote)) is None:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": CHALLENGE})
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
    except ValueError:  # longer than bcrypt allows, or with a zero byte
        return False
