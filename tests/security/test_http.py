"""Clients that are slow, silent or many take nothing from the others."""

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from socket import SO_LINGER, SOL_SOCKET
from struct import pack

import pytest
from aiohttp import ClientSession, web

from stream.config import Address, load
from stream.devbroker.ports import free_port
from stream.exporter.api.endpoint import FiguresEndpoint
from stream.exporter.exposition import Exposition
from stream.exporter.http import pages
from stream.exporter.http.server import serve
from stream.exporter.state import ExporterState
from stream.http import guard as http_guard
from stream.worker.health import Health, HealthServer
from stream.worker.health import serve as serve_health

pytestmark = pytest.mark.attack("HTTP: slow, silent and many clients", fails="lost")

BIG = b"# HELP cx_nps_score x\n" + 200_000 * b'cx_nps_score{view="total",window="1h"} 1.0\n'
"""More than the socket buffers of a connection hold."""


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the limits."""
    monkeypatch.setattr(http_guard, "REQUEST_TIMEOUT", 0.5)
    monkeypatch.setattr(pages, "WRITE_TIMEOUT", 0.5)


@pytest.fixture
async def exposition() -> Exposition:
    exposition = Exposition()
    exposition.replace(b"a 1\n", gzip.compress(b"a 1\n"))
    return exposition


@pytest.fixture
async def runner(short_times: None, exposition: Exposition) -> AsyncIterator[web.AppRunner]:
    figures = FiguresEndpoint(ExporterState(load(None, {})), asyncio.Lock()).routes
    runner = await serve(exposition, lambda: ("", ""), Address("127.0.0.1", free_port()), figures=figures)
    yield runner
    await runner.cleanup()


@pytest.fixture
def exporter(runner: web.AppRunner) -> str:
    (site,) = runner.sites
    return f"http://{site.name}"


@pytest.fixture
def worker(short_times: None) -> Iterator[str]:
    address = Address("127.0.0.1", free_port())
    server = serve_health(Health(), address)
    yield f"http://{address}"
    server.shutdown()


@pytest.fixture(params=["exporter", "worker"])
def server(request: pytest.FixtureRequest, exporter: str, worker: str) -> str:
    """The address of either server."""
    return {"exporter": exporter, "worker": worker}[request.param]


def connections(runner: web.AppRunner) -> int:
    (site,) = runner.sites
    assert isinstance(site, http_guard.GuardedSite)
    return len(site._limit.connections)


async def connect(url: str, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    return reader, writer


async def seconds_until_closed(reader: asyncio.StreamReader) -> float:
    """Return the seconds until the server ends a connection."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        try:
            while await reader.read(1 << 20):
                pass
        except ConnectionError:
            pass
    return time.monotonic() - began


async def get(url: str, **headers: str) -> tuple[int, bytes]:
    async with ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-", b"\x16\x03\x01"])
async def test_half_a_request_is_not_kept(server: str, sent: bytes) -> None:
    """Not even one to which something is added now and then."""
    reader, writer = await connect(server, sent)

    async def trickle() -> None:
        while sent.startswith(b"GET") and not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    assert await seconds_until_closed(reader) < 5
    await trickling
    writer.close()
    assert (await get(f"{server}/livez"))[0] == 200


async def test_many_half_requests_do_not_keep_others_out(server: str, tried: Callable[[int], None]) -> None:
    """The oldest of them ends for each new connection above the limit."""
    writers = [(await connect(server, b"GET /livez HTTP/1.1\r\n"))[1] for _ in range(400)]
    tried(len(writers))
    assert (await get(f"{server}/livez"))[0] == 200
    for writer in writers:
        writer.close()


async def test_dropped_connections_leave_nothing(
    runner: web.AppRunner, exporter: str, tried: Callable[[int], None]
) -> None:
    """With nothing, half a request or a request whose answer is not awaited."""
    for n in range(1_000):
        sent = (b"", b"GET /metrics HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")[n % 3]
        _, writer = await connect(exporter, sent)
        await writer.drain()
        writer.transport.abort()
        tried(1)
    assert (await get(f"{exporter}/livez"))[0] == 200
    for _ in range(200):
        if not connections(runner):
            break
        await asyncio.sleep(0.05)
    assert connections(runner) == 0


async def test_reset_connections_log_nothing(
    server: str, caplog: pytest.LogCaptureFixture, tried: Callable[[int], None]
) -> None:
    """A client that resets its connection while it sends or is answered is no error."""
    caplog.set_level(logging.INFO)
    for n in range(300):
        sent = (
            b"",
            b"GET /metrics HTTP/1.1\r\nHo",
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"\x16\x03",
        )[n % 4]
        _, writer = await connect(server, sent)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        await writer.drain()
        writer.transport.abort()
        tried(1)
    assert (await get(f"{server}/livez"))[0] == 200
    assert caplog.text == ""


async def test_a_worker_ends_the_requests_of_lost_connections(
    monkeypatch: pytest.MonkeyPatch, free_port: int, tried: Callable[[int], None]
) -> None:
    """The loop must not be closed before them, for which aiohttp does not wait: it would log them as destroyed."""
    started, ended = threading.Event(), threading.Event()

    async def livez(_server: HealthServer, _request: web.Request) -> web.Response:
        started.set()
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    monkeypatch.setattr(HealthServer, "_livez", livez)
    server = serve_health(Health(), Address("127.0.0.1", free_port))
    assert server._runner is not None
    _, writer = await connect(f"http://127.0.0.1:{free_port}", b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    assert await asyncio.to_thread(started.wait, 20)
    writer.transport.abort()
    while connections(server._runner):  # noqa: ASYNC110 - the loop of another thread
        await asyncio.sleep(0.01)
    await asyncio.to_thread(server.shutdown)
    assert ended.is_set()
    tried(1)


async def test_pipelined_requests_do_not_keep_others_out(exporter: str, tried: Callable[[int], None]) -> None:
    """All of them are answered, in turn with those of others."""
    request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reader, writer = await connect(exporter)
    sending = asyncio.create_task(send(writer, request * 2_000))
    answered = b""
    while answered.count(b"HTTP/1.1 200 OK") < 2_000:
        answered += await reader.read(1 << 16)
        if answered.count(b"HTTP/1.1 200 OK") < 100:
            assert (await get(f"{exporter}/livez"))[0] == 200
    await sending
    writer.close()
    tried(2_000)


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


@pytest.mark.parametrize("path", [b"/metrics", b"/api/v1/figures", b"/api/v1/figures.csv"])
async def test_a_client_that_does_not_read_is_let_go(
    runner: web.AppRunner, exporter: str, exposition: Exposition, path: bytes
) -> None:
    """Others are served meanwhile."""
    exposition.replace(BIG, gzip.compress(b"a 1\n"))
    reader, writer = await connect(
        exporter, b"GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n" % path
    )
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    assert await get(f"{exporter}/metrics", **{"Accept-Encoding": "identity"}) == (200, BIG)
    for _ in range(200):
        if not connections(runner):
            break
        await asyncio.sleep(0.05)
    assert connections(runner) == 0
    writer.close()
    del reader


async def test_at_most_two_pages_are_kept(exposition: Exposition) -> None:
    """Of those that do not read, the ones of the oldest page end when a third is due."""
    kept = pages.Pages(exposition)
    now = asyncio.get_running_loop().time()
    first = pages.Page(b"1", b"", now - 20)
    second = pages.Page(b"2", b"", now - 5)
    reading = asyncio.create_task(asyncio.sleep(60))
    kept._in_service = {first: {reading}, second: {None}}
    exposition.replace(b"3", b"")
    assert kept._page() is second, "young enough"
    kept._in_service = {first: {reading}, second._replace(began=now - 11): {None}}
    assert kept._page().plain == b"3"
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(kept._in_service) == 1


@pytest.mark.parametrize(
    ("listen", "hosts", "name", "status"),
    [
        ("127.0.0.1", (), "localhost:9817", 200),
        ("127.0.0.1", (), "127.0.0.1", 200),
        ("127.0.0.1", (), "[::1]:9817", 200),
        ("127.0.0.1", (), "evil.example", 421),
        ("127.0.0.1", (), "localhost.evil.example", 421),
        ("127.0.0.1", (), "[", 421),
        ("127.0.0.1", ("cx.example",), "CX.example:443", 200),
        ("127.0.0.1", ("cx.example",), "localhost", 200),
        ("0.0.0.0", (), "anything.example", 200),  # noqa: S104
        ("0.0.0.0", ("cx.example",), "anything.example", 421),  # noqa: S104
    ],
)
async def test_a_foreign_name_does_not_read_an_exporter_on_loopback(
    listen: str, hosts: tuple[str, ...], name: str, status: int, exposition: Exposition
) -> None:
    """A web site could let its name point there."""
    port = free_port()
    runner = await serve(exposition, lambda: ("", ""), Address(listen, port), hosts=hosts)
    try:
        for path in ("/metrics", "/", "/livez"):
            assert (await get(f"http://127.0.0.1:{port}{path}", Host=name))[0] == status
    finally:
        await runner.cleanup()


async def test_a_head_request_has_no_body(exporter: str) -> None:
    async with ClientSession() as session, session.head(f"{exporter}/metrics") as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Encoding"] == "gzip"


def test_a_port_in_use_is_an_error(worker: str) -> None:
    """And leaves no thread."""
    port = int(worker.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        serve_health(Health(), Address("127.0.0.1", port))
