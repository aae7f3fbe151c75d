"""Limits of an HTTP server, so that a client that is slow, silent or hostile takes nothing from the others.

A guard stands between a connection and aiohttp, which has no limits on headers and connections of its own.
"""

import asyncio
import resource
from collections.abc import Callable
from ssl import SSLContext
from typing import cast

from aiohttp import web

from stream.config.setting_types import Address

MAX_CONNECTIONS = 200
"""Maximum number of connections of a server, fewer if the process may open few files."""
REQUEST_TIMEOUT = 10.0
"""Seconds within which the rest of a request must arrive, after its first byte or the beginning of the connection."""
KEEP_ALIVE = 75.0
"""Seconds for which an idle connection stays open."""
BACKLOG = 128

_END = b"\r\n\r\n"


class ConnectionLimit:
    """The connections of a server, in the order of their beginning."""

    def __init__(self, most: int | None = None) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = max(8, min(most or MAX_CONNECTIONS, files // 4))
        self.connections: dict[Guard, None] = {}

    def admit(self, guard: "Guard") -> bool:
        """Admit a connection. If there are too many, the oldest that waits for a request ends, otherwise the new one."""
        if len(self.connections) >= self.most:
            oldest = next((other for other in self.connections if other.waits_for_request), None)
            if oldest is None:
                return False
            oldest.abort()
        self.connections[guard] = None
        return True


class Guard(asyncio.Protocol):
    """Passes a connection to aiohttp's protocol, and ends it if a request does not arrive in time.

    A request arrives with the end of its headers. What follows counts as the next one, unless `has_bodies`. Then it is a
    body until the application calls `end_request`, and the application limits the time for it.
    """

    def __init__(
        self, protocol: asyncio.Protocol, limit: ConnectionLimit, *, has_bodies: bool = False
    ) -> None:
        self._protocol = protocol
        self._limit = limit
        self._has_bodies = has_bodies
        self._in_body = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unfinished = b""
        self._had_request = False

    @property
    def waits_for_request(self) -> bool:
        """Return whether no complete request has arrived, or a part of another one."""
        return self._timer is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection and pass it on."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._limit.admit(self):
            self._transport.abort()
            return
        self._start_timer()
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on, and watch for the end of a request."""
        if self not in self._limit.connections:
            return
        if not self._in_body:
            self._watch(data)
        self._protocol.data_received(data)

    def end_request(self) -> None:
        """Watch for the next request, because the response to this one is written."""
        self._in_body = False
        self._unfinished = b""

    def _watch(self, data: bytes) -> None:
        self._unfinished += data
        if (end := self._unfinished.rfind(_END)) >= 0:
            self._unfinished = self._unfinished[end + len(_END) :]
            self._stop_timer()
            self._in_body = self._has_bodies
        if self._unfinished and not self._in_body:
            self._unfinished = self._unfinished[-len(_END) :]
            self._start_timer()

    def eof_received(self) -> bool | None:
        """Pass the end on."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        if self in self._limit.connections:
            del self._limit.connections[self]
            self._protocol.connection_lost(exc)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class GuardedSite(web.BaseSite):
    """Serves a runner at an address, behind guards."""

    def __init__(
        self,
        runner: web.AppRunner,
        address: Address,
        *,
        ssl_context: SSLContext | None = None,
        most: int | None = None,
        has_bodies: bool = False,
    ) -> None:
        super().__init__(runner)
        self._has_bodies = has_bodies
        self._address = address
        self._ssl = ssl_context
        self._limit = ConnectionLimit(most)

    @property
    def name(self) -> str:
        """Return the address."""
        return str(self._address)

    async def start(self) -> None:
        """Listen. Raises OSError if the address cannot be used."""
        await super().start()
        new_protocol = cast("Callable[[], asyncio.Protocol]", self._runner.server)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Guard(new_protocol(), self._limit, has_bodies=self._has_bodies),
            self._address.host or None,
            self._address.port,
            ssl=self._ssl,
            backlog=BACKLOG,
            ssl_handshake_timeout=REQUEST_TIMEOUT if self._ssl else None,
        )
