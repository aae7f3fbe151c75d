"""Reading of bodies: limited in size, also after decompression, in memory and in time."""

import asyncio
import zlib

from aiohttp import web

from stream.intake.memory import MemoryBudget, Reservation
from stream.intake.problem import ProblemError, bad_request, too_large, unsupported

MAX_BODY = 1 << 20
"""Allowed size of a body in bytes, before and after decompression."""
BODY_TIMEOUT = 10.0
"""Seconds within which a body must arrive after its headers."""
_GZIP = 16 + zlib.MAX_WBITS


def reserve_for(request: web.Request, budget: MemoryBudget) -> Reservation:
    """Reserve memory for the body of a request by its length, before it is read.

    Raises ProblemError: 413, 415 or 503.
    """
    coding = _coding(request)
    length = request.content_length
    if length is not None and length > MAX_BODY:
        raise _above_limit(f"{length} bytes")
    return budget.reserve(MAX_BODY if coding == "gzip" or length is None else length)


async def read_body(request: web.Request, reservation: Reservation) -> bytes:
    """Return the body. Raises ProblemError: 400, 408, 413 or 415."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _above_limit("more")
    except TimeoutError:
        detail = f"The body did not arrive within {BODY_TIMEOUT:.0f} s"
        raise ProblemError(408, "timeout", "The request took too long", detail, outcome="timeout") from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise bad_request("unreadable-body", "The body cannot be read", str(error)) from None
    raw = bytes(body)
    if _coding(request) == "gzip":
        raw = gunzip(raw)
    reservation.shrink(len(raw))
    return raw


def gunzip(compressed: bytes) -> bytes:
    """Return decompressed bytes, of one member. Raises ProblemError for broken ones, and above the limit (413)."""
    reader = zlib.decompressobj(_GZIP)
    try:
        raw = reader.decompress(compressed, MAX_BODY + 1)
    except zlib.error as error:
        raise bad_request("unreadable-body", "The body cannot be read", f"gzip: {error}") from None
    if len(raw) > MAX_BODY:
        raise _above_limit("more after decompression")
    if not reader.eof or reader.unused_data:
        raise bad_request("unreadable-body", "The body cannot be read", "gzip: expected one whole member")
    return raw


def _coding(request: web.Request) -> str:
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip"):
        raise unsupported(f"Content-Encoding: got {coding[:100]}, allowed are gzip and identity")
    return coding


def _above_limit(size: str) -> ProblemError:
    return too_large(f"body: {size}, {MAX_BODY} bytes are allowed")
