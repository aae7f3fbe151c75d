"""Verification of webhooks: signatures over the raw body in the vendors' several forms, passwords, tokens."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from stream.config.intake_settings import Hook
from stream.errors import ConfigError
from stream.http.auth import BasicAuth
from stream.intake.grants import by_password
from stream.intake.problem import ProblemError, unauthorized

HOLDS_MS = 1e11
"""Numbers from this one on are milliseconds since the epoch: as seconds they are of the year 5138."""
SIGNED = frozenset({"standard", "stripe", "hmac"})
"""The schemes with a signature over the body."""
MAX_SIGNATURES = 20
"""Number of signatures in a header that are compared. Senders give several while a secret is replaced."""


class SignedRequest(NamedTuple):
    """The headers of a request by name in lower case, its raw body, the parameters of its query, and its client's address."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = {}
    address: str = ""

    def header(self, name: str) -> str:
        """Return a header. Raises ProblemError (401) if it is missing."""
        value = self.headers.get(name.lower(), "").strip()
        if not value:
            raise unauthorized(f"{name}: missing")
        return value


Verifier = Callable[[SignedRequest, float], Awaitable[None]]
"""Raises ProblemError (401, of passwords also 429 or 503) unless a request is authentic. It gets the time in s since the epoch."""


def verifier(hook: Hook, where: str) -> Verifier:
    """Return the verifier of a webhook. Raises ConfigError, which names the key below `where`, for a bad secret."""
    if hook.verify == "basic":
        return _basic(hook)
    if hook.verify == "token":
        return _in_own_loop(_token(hook))
    if hook.verify == "stripe":
        return _in_own_loop(_stripe(hook))
    if hook.verify == "standard":
        return _in_own_loop(_standard(hook, where))
    return _in_own_loop(_hmac(hook))


def _in_own_loop(check: Callable[[SignedRequest, float], None]) -> Verifier:
    async def verify(request: SignedRequest, now: float) -> None:
        check(request, now)

    return verify


def _basic(hook: Hook) -> Verifier:
    basic_auth = BasicAuth({user: hashed.encode() for user, hashed in hook.users.items()})

    async def verify(request: SignedRequest, _: float) -> None:
        await by_password(basic_auth, request.headers.get("authorization", ""), request.address)

    return verify


def _token(hook: Hook) -> Callable[[SignedRequest, float], None]:
    def check(request: SignedRequest, _: float) -> None:
        value = request.header(hook.header) if hook.header else request.query.get(hook.query, "")
        presented = sha256(value.removeprefix(hook.prefix).strip().encode("utf-8", "surrogateescape"))
        # all are compared, so that the time does not tell which hash it resembles
        equal = [hmac.compare_digest(known, presented.hexdigest()) for known in hook.sha256]
        if not any(equal):
            raise unauthorized(f"{hook.header or hook.query}: the token is missing or not known")

    return check


def _stripe(hook: Hook) -> Callable[[SignedRequest, float], None]:
    """Return the check of `Stripe-Signature: t=SECONDS,v1=HEX,v1=HEX`, over `SECONDS.BODY`."""
    keys = [secret.encode() for secret in hook.secrets]
    name = hook.header or "Stripe-Signature"

    def check(request: SignedRequest, now: float) -> None:
        pairs = [part.strip().partition("=")[::2] for part in request.header(name).split(",")]
        moment = next((value for key, value in pairs if key == "t"), "")
        _check_time(name, moment, now, hook.tolerance)
        presented = [_from_hex(value) for key, value in pairs if key == "v1"]
        _check_signature(name, _signatures(keys, moment.encode() + b"." + request.body, "sha256"), presented)

    return check


def _standard(hook: Hook, where: str) -> Callable[[SignedRequest, float], None]:
    """Return the check of Standard Webhooks 1.0.0, and of Svix, which has other names for the headers."""
    keys = []
    for position, secret in enumerate(hook.secrets):
        key = _from_base64(secret.removeprefix("whsec_"))
        if not key:
            raise ConfigError(
                f"{where}.secrets.{position}: got '***', allowed is a secret such as whsec_BASE64"
            )
        keys.append(key)

    def check(request: SignedRequest, now: float) -> None:
        prefix = "svix" if "svix-signature" in request.headers else "webhook"
        delivery, moment = request.header(f"{prefix}-id"), request.header(f"{prefix}-timestamp")
        name = f"{prefix}-signature"
        _check_time(f"{prefix}-timestamp", moment, now, hook.tolerance)
        versions = [part.partition(",")[::2] for part in request.header(name).split()]
        presented = [_from_base64(value) for version, value in versions if version == "v1"]
        text = f"{delivery}.{moment}.".encode("utf-8", "surrogateescape") + request.body
        _check_signature(name, _signatures(keys, text, "sha256"), presented)

    return check


def _hmac(hook: Hook) -> Callable[[SignedRequest, float], None]:
    keys = [secret.encode() for secret in hook.secrets]
    before, _, after = hook.signed.partition("{body}")
    decode = _from_hex if hook.encoding == "hex" else _from_base64

    def check(request: SignedRequest, now: float) -> None:
        value, moment = request.header(hook.header), ""
        if hook.timestamp_header:
            moment = request.header(hook.timestamp_header)
            _check_time(hook.timestamp_header, moment, now, hook.tolerance)
        parts = [
            text.replace("{timestamp}", moment).encode("utf-8", "surrogateescape") for text in (before, after)
        ]
        presented = [decode(part.strip().removeprefix(hook.prefix)) for part in value.split(",")]
        text = parts[0] + request.body + parts[1]
        _check_signature(hook.header, _signatures(keys, text, hook.algorithm), presented)

    return check


def _signatures(keys: Iterable[bytes], text: bytes, algorithm: str) -> Iterator[bytes]:
    return (hmac.digest(key, text, algorithm) for key in keys)


def _check_signature(name: str, expected: Iterable[bytes], presented: list[bytes]) -> None:
    """Compare every pair in constant time. Raises ProblemError (401) if none is equal."""
    given = presented[:MAX_SIGNATURES]
    equal = [hmac.compare_digest(signature, other) for signature in expected for other in given]
    if not any(equal):
        raise unauthorized(
            f"{name}: no signature fits the body. It is made with another secret, or the body was changed"
        )


def _check_time(name: str, text: str, now: float, tolerance_ms: int) -> None:
    moment = _seconds(text)
    if moment is None:
        raise unauthorized(f"{name}: expected a time, got {text[:50]!r}")
    if abs(now - moment) * 1000 > tolerance_ms:
        raise _not_now(name, now - moment, tolerance_ms)


def _not_now(name: str, age: float, tolerance_ms: int) -> ProblemError:
    return unauthorized(
        f"{name}: the request was signed {age:.0f} s ago, allowed are {tolerance_ms / 1000:.0f} s"
    )


def _seconds(text: str) -> float | None:
    """Return seconds since the epoch, from a number of seconds or milliseconds or a time in ISO 8601."""
    if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 20:
        number = float(text)
        return number / 1000 if number >= HOLDS_MS else number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def _from_hex(text: str) -> bytes:
    """Return bytes, none if the text is not hexadecimal. No signature is empty."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _from_base64(text: str) -> bytes:
    """Return bytes, none if the text is not base64. It may be of the alphabet for URLs, and without padding."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
