"""Requests to real servers of an exporter and of a worker, which must answer others afterwards."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Event, Thread

import bcrypt

from stream.config import Address
from stream.devbroker.ports import free_port
from stream.http.web_config import WebConfig
from stream.worker.health import Health, serve
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter
from tests.security.fuzz.mutation import mutate

PATHS = (
    "/",
    "/metrics",
    "/livez",
    "/readyz",
    "/catalog",
    "/live?window=1h&view=channel&tile=cx_nps_score",
    "/static/app.js",
    "/api/v1/figures?metric=nps&view=channel&window=1h",
    "/api/v1/figures.csv?metric=waiting&metric=nps",
)
REQUESTS = [
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode() for path in PATHS
] + [
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip;q=0.5, identity\r\nRange: bytes=0-9\r\n\r\n"
    * 2,
    b"POST /live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"PUT /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    b"GET http://localhost/static/../../etc/passwd HTTP/1.0\r\n\r\n",
    b'HEAD /static/app.js HTTP/1.1\r\nHost: [::1]:1\r\nIf-None-Match: W/"a", *\r\nAuthorization: Basic YTpi\r\n\r\n',
]
PATIENCE = 3.0
"""Seconds that an answer may take."""
ALIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRhOnJpZ2h0\r\nConnection: close\r\n\r\n"


KNOWN = ("aiohttp.http_exceptions", "ConnectionResetError", "_default_expect_handler")
"""In tracebacks of aiohttp, which services log at a limited rate: no valid request, a client that is gone, and an `Expect` with bytes
that are no UTF-8, which aiohttp answers with 500."""


class _Errors(logging.Handler):
    """Keeps what servers log as errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter().format(record)
        if not any(known in text for known in KNOWN):
            self.messages.append(text)


class Servers:
    """An exporter, one with passwords and a worker's health, and requests to them."""

    def __init__(self, ports: list[int], errors: _Errors) -> None:
        self.ports = ports
        self._errors = errors

    def attack(self, random: Random) -> None:
        """Send a mutated request. Raises AssertionError for a wrong answer, an error in the log, or a server that is busy."""
        port = random.choice(self.ports)
        request = mutate(random, REQUESTS)[: 1 << 17]
        ends = random.random() < 0.95
        answer = exchange(port, request, ends=ends, patience=PATIENCE if ends else 0.1)
        assert not answer or answer.startswith(b"HTTP/"), answer[:200]
        assert answer[9:12] != b"500" or b"Expect" in request, answer[:500]
        assert b"Traceback" not in answer
        assert not self._errors.messages, self._errors.messages.pop()

    def check(self) -> None:
        """Raise AssertionError unless all servers answer."""
        for port in self.ports:
            answer = exchange(port, ALIVE, ends=False, patience=PATIENCE)
            assert answer[9:12] in (b"200", b"503"), answer[:200]


def exchange(port: int, request: bytes, *, ends: bool, patience: float) -> bytes:
    """Send bytes on a new connection and return the beginning of the answer, empty if there is none.

    With `ends` the client says that nothing follows, and the server must answer or end the connection.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(request)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(patience)
            return connection.recv(1 << 12)
    except ConnectionError:
        return b""
    except TimeoutError:
        assert not ends, "neither an answer nor an end"
        return b""


@contextmanager
def servers() -> Iterator[Servers]:
    """Run the servers in a thread."""
    users = {"ada": bcrypt.hashpw(b"right", bcrypt.gensalt(4))}
    exporters = [LiveExporter(), LiveExporter(web=WebConfig(users=users))]
    started, loop, stop, errors = Event(), asyncio.new_event_loop(), asyncio.Event(), _Errors()

    async def serve_exporters() -> None:
        for exporter in exporters:
            await exporter.publish(answers(3, channel="web"))
        async with exporters[0].running(), exporters[1].running():
            started.set()
            await stop.wait()

    thread = Thread(target=loop.run_until_complete, args=(serve_exporters(),))
    logging.getLogger().addHandler(errors)
    port = free_port()
    health = serve(Health(), Address("127.0.0.1", port))
    thread.start()
    try:
        started.wait(30)
        yield Servers([*(exporter.port for exporter in exporters), port], errors)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        health.shutdown()
        logging.getLogger().removeHandler(errors)
