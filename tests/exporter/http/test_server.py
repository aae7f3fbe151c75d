"""What is served, as scrapers and people ask for it."""

import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from stream.config import Address
from stream.exporter.exposition import Exposition
from stream.exporter.http.server import serve, takes_gzip


@pytest.fixture
async def state() -> list[str]:
    """Why it is not ready, and a remark."""
    return ["", ""]


@pytest.fixture
async def session(state: list[str], free_port: int) -> AsyncIterator[ClientSession]:
    """A client of a server of one line."""
    page = Exposition()
    page.replace(b"a 1\n", gzip.compress(b"a 1\n"))
    runner = await serve(page, lambda: (state[0], state[1]), Address("127.0.0.1", free_port))
    async with ClientSession(f"http://127.0.0.1:{free_port}", auto_decompress=False) as made:
        yield made
    await runner.cleanup()


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "br, gzip; q=0.00"])
async def test_metrics_as_they_are(session: ClientSession, accepted: str) -> None:
    """With the Content-Type without which Prometheus 3 fails the scrape."""
    async with session.get("/metrics", headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in answer.headers
        assert await answer.read() == b"a 1\n"


async def test_metrics_compressed(session: ClientSession) -> None:
    """For those who take it, as Prometheus does."""
    async with session.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await answer.read()) == b"a 1\n"


@pytest.mark.parametrize(
    ("accepted", "takes"),
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
def test_who_takes_gzip(accepted: str, takes: bool) -> None:
    """A weight of 0 is a no."""
    assert takes_gzip(accepted) is takes


async def test_readiness_says_why_not(session: ClientSession, state: list[str]) -> None:
    """503 and the reason, then 200, with the remark in both."""
    state[:] = ["2 of 36 partitions are not covered", "windows still filling: 30d"]
    async with session.get("/readyz") as answer:
        assert (answer.status, await answer.text()) == (503, f"{state[0]}\n{state[1]}\n")
    state[0] = ""
    async with session.get("/readyz") as answer:
        assert (answer.status, await answer.text()) == (200, f"ok\n{state[1]}\n")
    async with session.get("/livez") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_the_root_links_what_there_is(session: ClientSession) -> None:
    """As every exporter's does."""
    async with session.get("/", headers={"Accept-Encoding": "identity"}) as answer:
        page = await answer.text()
        assert answer.content_type == "text/html"
    assert all(f'href="{path}"' in page for path in ("metrics", "readyz", "livez"))
