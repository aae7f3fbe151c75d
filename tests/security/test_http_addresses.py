"""One address takes no places from the others: of connections, live pages and checks of passwords."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import bcrypt
import pytest
from aiohttp import ClientResponse, ClientSession, TCPConnector

from stream.config import Address
from stream.devbroker.ports import free_port
from stream.exporter.exposition import Exposition
from stream.exporter.http.server import serve
from stream.exporter.live.broadcaster import MAX_CLIENTS
from stream.http import auth
from stream.http import guard as http_guard
from stream.http.guard import ConnectionLimit, Guard, network_of, yielding_address
from stream.http.web_config import WebConfig
from stream.worker.health import MAX_CONNECTIONS, Health
from stream.worker.health import serve as serve_health
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_broadcaster import SELECTION, EventStream
from tests.http.test_web_config import WebConfigFolder, basic

pytestmark = pytest.mark.attack("HTTP: one address takes all places", fails="lost")

HOSTILE, OTHER_HOSTILE, FRIENDLY = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Addresses of clients, all of the loopback interface."""


@asynccontextmanager
async def client_at(address: str, url: str) -> AsyncIterator[ClientSession]:
    """Yield a session whose connections come from an address."""
    connector = TCPConnector(local_addr=(address, 0), limit=0)
    async with ClientSession(url, connector=connector, headers={"Host": "localhost"}) as session:
        yield session


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        (None, ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_networks_of_ipv6_count_as_one_address(host: str | None, network: str) -> None:
    """A client may use all 2^64 addresses of its network."""
    assert network_of(host) == network


@pytest.mark.parametrize(
    ("newcomer", "holders", "yielding"),
    [
        ("a", "", None),
        ("a", "aaaaa", None),
        ("a", "aaaaaa", "a"),
        ("b", "aaaaaa", None),
        ("b", "aaaaaabb", "a"),
        ("b", "aaaabbbb", "b"),
        ("b", "aaaaabbb", "a"),
        ("c", "aaaabbbb", "a"),
        ("c", "abdefghi", "c"),
        ("a", "abdefghi", "a"),
    ],
)
def test_the_address_with_the_most_places_yields(newcomer: str, holders: str, yielding: str | None) -> None:
    """Of 8 places. Two addresses with equal shares do not take from each other."""
    assert yielding_address(newcomer, holders, 8) == yielding


async def open_pages(session: ClientSession, n: int, stack: AsyncExitStack) -> list[ClientResponse]:
    """Open live pages that never read, and return the answers."""
    return [await stack.enter_async_context(session.get("/live", params=SELECTION)) for _ in range(n)]


async def test_live_pages(tried: Callable[[int], None]) -> None:
    """An address has at most three quarters of the places. Where several have all, one who comes gets a share."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running(), AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(client_at(address, live_exporter.url))
            for address in (HOSTILE, OTHER_HOSTILE, FRIENDLY)
        ]
        first = await open_pages(sessions[0], MAX_CLIENTS + 20, stack)
        statuses = [page.status for page in first]
        assert (statuses.count(200), statuses.count(429)) == (MAX_CLIENTS * 3 // 4, MAX_CLIENTS // 4 + 20)
        assert all(page.headers["Retry-After"] == "3" for page in first if page.status == 429)
        second = await open_pages(sessions[1], MAX_CLIENTS, stack)
        assert [page.status for page in second].count(200) == MAX_CLIENTS // 2
        tried(len(first) + len(second))
        for _ in range(3):
            (page,) = await open_pages(sessions[2], 1, stack)
            payloads = dict([await EventStream(page).next() for _ in range(3)])
            assert payloads.keys() == {"status", "tiles", "detail"}
            assert len(live_exporter.broadcaster.clients) == MAX_CLIENTS


async def test_a_head_request_takes_no_live_page(tried: Callable[[int], None]) -> None:
    live_exporter = LiveExporter()
    async with live_exporter.running(), client_at(HOSTILE, live_exporter.url) as session:
        for _ in range(20):
            async with session.head("/live", params=SELECTION) as response:
                assert response.status == 405
        assert not live_exporter.broadcaster.clients
    tried(20)


@asynccontextmanager
async def server(kind: str, config: WebConfig = WebConfig()) -> AsyncIterator[tuple[str, int]]:  # noqa: B008
    """Yield address and number of connections of an exporter's or a worker's server."""
    address = Address("127.0.0.1", free_port())
    if kind == "worker":
        health = serve_health(Health(), address)
        try:
            yield f"http://{address}", MAX_CONNECTIONS
        finally:
            health.shutdown()
        return
    exposition = Exposition()
    exposition.replace(b"a 1\n", gzip.compress(b"a 1\n"))
    runner = await serve(exposition, lambda: ("", ""), address, config=config)
    try:
        yield f"http://{address}", http_guard.MAX_CONNECTIONS
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", ["exporter", "worker"])
async def test_idle_connections(kind: str, tried: Callable[[int], None]) -> None:
    """They end for others, also for those of the same address."""
    async with server(kind) as (url, most), AsyncExitStack() as stack:
        for address in (HOSTILE, OTHER_HOSTILE):
            for _ in range(most):
                session = await stack.enter_async_context(client_at(address, url))
                async with session.get("/livez") as response:
                    assert response.status in (200, 503)
            tried(most)
        for address in (HOSTILE, FRIENDLY):
            async with client_at(address, url) as session, session.get("/livez") as response:
                assert response.status in (200, 503)


async def test_live_pages_do_not_end_for_idle_connections(
    monkeypatch: pytest.MonkeyPatch, tried: Callable[[int], None]
) -> None:
    """Of the same address, which has used up its share."""
    monkeypatch.setattr(http_guard, "MAX_CONNECTIONS", 16)
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running(), AsyncExitStack() as stack:
        session = await stack.enter_async_context(client_at(HOSTILE, live_exporter.url))
        pages = await open_pages(session, 3, stack)
        for _ in range(50):
            idle = await stack.enter_async_context(client_at(HOSTILE, live_exporter.url))
            async with idle.get("/livez") as response:
                assert response.status == 200
        tried(50)
        await live_exporter.publish(answers(1, 0))
        for page in pages:
            stream = EventStream(page)
            await stream.until(
                "status", lambda status: status["domains"]["feedback"]["outcomes"]["accepted"] == 4
            )


async def test_half_handshakes(
    tmp_path: Path, tried: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of TLS. They take no places of connections, are as few, and end for others, also for those of the same address."""
    files = WebConfigFolder(tmp_path)
    hello = b"\x16\x03\x01\x02\x00\x01"
    async with server("exporter", files.config(files.tls())) as (url, most):
        port = int(url.rpartition(":")[2])
        halves = []
        for n in range(2 * most):
            address = (HOSTILE, OTHER_HOSTILE)[n % 2]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            writer.write(hello[: n % len(hello)])
            halves.append((reader, writer))
            tried(1)
        for address in (HOSTILE, FRIENDLY):
            async with (
                client_at(address, f"https://127.0.0.1:{port}") as session,
                session.get("/livez", ssl=files.client()) as response,
            ):
                assert response.status == 200
        ended = [reader for reader, _ in halves if reader.at_eof() or reader.exception()]
        assert len(halves) - len(ended) <= most
        for _, writer in halves:
            writer.close()
    async with server("exporter", files.config(files.tls())) as (url, _):
        monkeypatch.setattr(http_guard, "REQUEST_TIMEOUT", 0.3)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(hello)
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()


class SilentTransport(asyncio.Transport):
    """A transport of an address, without a connection."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1)})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


async def test_a_burst_does_not_exceed_the_limit(tried: Callable[[int], None]) -> None:
    """Many may connect before the loop tells that one was ended."""
    limit = ConnectionLimit(8)
    transports = []
    for n in range(100):
        transport = SilentTransport(f"10.0.0.{n % 20}")
        Guard(asyncio.Protocol(), limit).connection_made(transport)
        transports.append(transport)
        assert len(limit.connections) <= 8
    assert sum(not transport.is_aborted for transport in transports) == 8
    tried(100)
    for guard in limit.connections:
        guard._stop_timer()


async def test_busy_connections_yield_to_other_addresses_only() -> None:
    """Those that wait end before idle ones, and idle ones before busy ones."""
    limit = ConnectionLimit()
    limit.most = 4

    def connect(address: str, *, is_busy: bool = True) -> SilentTransport:
        transport, guard = SilentTransport(address), Guard(asyncio.Protocol(), limit)
        guard.connection_made(transport)
        guard.data_received(b"GET / HTTP/1.1\r\n\r\n")
        guard.is_busy = is_busy
        return transport

    busy, idle = connect("a"), connect("a", is_busy=False)
    waiting = SilentTransport("a")
    Guard(asyncio.Protocol(), limit).connection_made(waiting)
    ended = [waiting, idle, busy]
    for n, expected in enumerate(ended):
        newcomer = connect("a")
        others = [transport for transport in ended[n + 1 :] if transport.is_aborted]
        if expected is busy:
            assert newcomer.is_aborted, "of the same address"
            connect("b")
            assert not connect("b").is_aborted
        assert expected.is_aborted
        assert not others


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Hold checks of passwords until this event is set."""
    released, checkpw = Event(), bcrypt.checkpw

    def check(*args: Any) -> bool:
        assert released.wait(30)
        return checkpw(*args)

    monkeypatch.setattr(auth.bcrypt, "checkpw", check)
    return released


async def status(session: ClientSession, password: str) -> tuple[int, str | None]:
    """Return status and Retry-After of a request with a password."""
    async with session.get("/livez", headers={"Authorization": basic(f"ada:{password}")}) as response:
        return response.status, response.headers.get("Retry-After")


async def test_checks_of_passwords(held: Event, tried: Callable[[int], None]) -> None:
    """A flood of wrong ones delays the check of another address by eight checks at most, and one that was made not at all."""
    held.set()
    users = {"ada": bcrypt.hashpw(b"right", bcrypt.gensalt(4))}
    async with (
        server("exporter", WebConfig(users=users)) as (url, _),
        client_at(HOSTILE, url) as hostile,
        client_at(FRIENDLY, url) as friendly,
        client_at(OTHER_HOSTILE, url) as known,
    ):
        assert await status(known, "right") == (200, None)
        held.clear()
        flood = [asyncio.create_task(status(hostile, f"wrong{n}")) for n in range(100)]
        refused: set[asyncio.Task[tuple[int, str | None]]] = set()
        while len(refused) < 100 - auth.MAX_WAITING_OF_ADDRESS:
            refused, _ = await asyncio.wait(flood, timeout=0.05)
        assert {task.result() for task in refused} == {(429, "1")}
        assert await status(known, "right") == (200, None), "remembered"
        right = asyncio.create_task(status(friendly, "right"))
        held.set()
        assert await right == (200, None)
        assert {(await task)[0] for task in flood} == {401, 429}
    tried(100)
