"""Sends `/metrics` in pieces. A client that does not read is let go, and at most two pages are kept for slow ones."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from aiohttp import web

from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.exposition import CONTENT_TYPE, Exposition
from stream.exporter.http.static_files import takes_gzip

PIECE = 1 << 16
"""Bytes that are written at once."""
WRITE_TIMEOUT = 10.0
"""Seconds that a client may take to accept a piece."""
SLICE_SECONDS = 0.0003
"""Seconds of work between two turns of the event loop. A scrape takes some five turns."""
PATIENCE = 10.0
"""Age in s up to which a page that is being sent is sent to others, too, while an older one is still being sent."""


class Page(NamedTuple):
    """A rendered `/metrics`, plain and compressed."""

    plain: bytes
    gzipped: bytes
    began: float
    """When it was first sent, by the event loop's clock."""


class Pages:
    """The pages that are being sent, the oldest first, each with the tasks that send it."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition
        self._in_service: dict[Page, set[asyncio.Task[object] | None]] = {}

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of `/metrics`."""
        with self.taken() as page:
            headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
            body = page.plain
            if takes_gzip(request.headers.get("Accept-Encoding", "")):
                body, headers["Content-Encoding"] = page.gzipped, "gzip"
            response = web.StreamResponse(headers=headers)
            response.content_length = len(body)
            return await send(request, response, _pieces(body))

    @contextmanager
    def taken(self) -> Iterator[Page]:
        """Return the page to send, which is kept meanwhile. The task is cancelled if it takes too long."""
        page, task = self._page(), asyncio.current_task()
        self._in_service.setdefault(page, set()).add(task)
        try:
            yield page
        finally:
            if page in self._in_service:
                self._in_service[page].discard(task)
                if not self._in_service[page]:
                    del self._in_service[page]

    def _page(self) -> Page:
        """Return the newest page. If a third one would be kept, return the second, or end those that read the first."""
        now, newest = asyncio.get_running_loop().time(), self._exposition
        known = list(self._in_service)
        if known and known[-1].plain is newest.plain:
            return known[-1]
        if len(known) >= 2:
            if now - known[-1].began < PATIENCE:
                return known[-1]
            for task in self._in_service.pop(known[0]):
                if task is not None:
                    task.cancel()
        return Page(newest.plain, newest.gzipped, now)


def _pieces(body: bytes) -> Iterator[memoryview]:
    view = memoryview(body)
    for begin in range(0, len(body), PIECE):
        yield view[begin : begin + PIECE]


async def run_in_slices(steps: CooperativeSteps) -> None:
    """Run steps in slices of SLICE_SECONDS. The event loop gets a turn between them."""
    until = time.perf_counter() + SLICE_SECONDS
    for _ in steps:
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS


async def send(
    request: web.Request, response: web.StreamResponse, pieces: Iterable[bytes | memoryview | None]
) -> web.StreamResponse:
    """Send a body in pieces and return the response. A client that does not read is let go.

    Pieces are made in short steps, and None is the result of a step without a piece. The event loop gets a turn after
    each piece and SLICE_SECONDS.
    """
    with suppress(ConnectionError):
        await response.prepare(request)
        if request.method != "HEAD":
            await _write(request, response, pieces)
    return response


async def _write(
    request: web.Request, response: web.StreamResponse, pieces: Iterable[bytes | memoryview | None]
) -> None:
    try:
        until = time.perf_counter() + SLICE_SECONDS
        for piece in pieces:
            if piece is not None:
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await response.write(piece)
            elif time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE_SECONDS
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.write_eof()
    except TimeoutError:
        _let_go(request)
    except asyncio.CancelledError:
        _let_go(request)
        raise


def _let_go(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
