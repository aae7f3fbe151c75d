"""The HTTP endpoints, as scrapers and people request them."""

import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from stream.config import Address
from stream.exporter.exposition import Exposition
from stream.exporter.http.server import serve
from stream.exporter.http.static_files import takes_gzip


@pytest.fixture
async def reasons() -> list[str]:
    """Return the reason for not being ready, and a note. Both may be changed."""
    return ["", ""]


@pytest.fixture
async def session(reasons: list[str], free_port: int) -> AsyncIterator[ClientSession]:
    """Yield a client of a server with one series."""
    exposition = Exposition()
    exposition.replace(b"a 1\n", gzip.compress(b"a 1\n"))
    runner = await serve(exposition, lambda: (reasons[0], reasons[1]), Address("127.0.0.1", free_port))
    async with ClientSession(f"http://127.0.0.1:{free_port}", auto_decompress=False) as client:
        yield client
    await runner.cleanup()


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip;q=0", "br, gzip; q=0.00"])
async def test_metrics_uncompressed(session: ClientSession, accept_encoding: str) -> None:
    """The Content-Type is required by Prometheus 3."""
    async with session.get("/metrics", headers={"Accept-Encoding": accept_encoding}) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in answer.headers
        assert await answer.read() == b"a 1\n"


async def test_metrics_compressed(session: ClientSession) -> None:
    """Clients that accept gzip, such as Prometheus, get it."""
    async with session.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await answer.read()) == b"a 1\n"


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=1", True),
        ("gzip;q=0", False),
        ("gzip ; q=0.000", False),
        ("", False),
        ("x-gzip-not", False),
    ],
)
def test_accepted_encodings(accept_encoding: str, expected: bool) -> None:
    """A weight of 0 refuses the encoding."""
    assert takes_gzip(accept_encoding) is expected


async def test_readiness_has_the_reason(session: ClientSession, reasons: list[str]) -> None:
    """The answer is 503 with the reason, then 200. Both have the note."""
    reasons[:] = ["2 of 36 partitions are not covered", "windows still filling: 30d"]
    async with session.get("/readyz") as answer:
        assert (answer.status, await answer.text()) == (503, f"{reasons[0]}\n{reasons[1]}\n")
    reasons[0] = ""
    async with session.get("/readyz") as answer:
        assert (answer.status, await answer.text()) == (200, f"ok\n{reasons[1]}\n")
    async with session.get("/livez") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_the_root_links_the_endpoints(session: ClientSession) -> None:
    """The root page is HTML with links."""
    async with session.get("/", headers={"Accept-Encoding": "identity"}) as answer:
        html = await answer.text()
        assert answer.content_type == "text/html"
    assert all(f'href="{path}"' in html for path in ("metrics", "readyz", "livez"))
