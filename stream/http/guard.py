"""Limits of an HTTP server, so that a client that is slow, silent or hostile takes nothing from the others.

A guard stands between a connection and aiohttp, which has no limits on headers and connections of its own. Places are shared by
the addresses of clients. Clients behind one proxy have one address: forwarded addresses are not read, because anybody can send them.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, IPv6Network, ip_address
from itertools import chain
from ssl import SSLContext
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from stream.config.setting_types import Address

MAX_CONNECTIONS = 200
"""Maximum number of connections of a server, fewer if the process may open few files."""
REQUEST_TIMEOUT = 10.0
"""Seconds within which the rest of a request must arrive, after its first byte or the beginning of the connection."""
KEEP_ALIVE = 75.0
"""Seconds for which an idle connection stays open."""
BACKLOG = 128

_END = b"\r\n\r\n"


def network_of(host: str | None) -> str:
    """Return the address by which a client is counted, for IPv6 its network of 64 bits, all of which one client may use.

    `host` is None for a transport without an address.
    """
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return host or ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))


def address_of(transport: asyncio.BaseTransport) -> str:
    """Return the address by which the client of a connection is counted."""
    peer = transport.get_extra_info("peername")
    return network_of(peer[0] if isinstance(peer, tuple) else None)


def yielding_address(newcomer: str, holders: Iterable[str], places: int) -> str | None:
    """Return the address that must give up a place for a newcomer, None if there is a free one.

    An address has at most three quarters of the places. When all are in use, the address with the most yields to one that has at
    least two fewer, so that two of them never take places from each other in turn. The newcomer's own address means
    that there is no place for it.
    """
    held = Counter(holders)
    held_by_newcomer = held[newcomer]
    if held_by_newcomer >= places - places // 4:
        return newcomer
    if held.total() < places:
        return None
    address, most = held.most_common(1)[0]
    return address if most > held_by_newcomer + 1 else newcomer


@web.middleware
async def mark_busy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Mark the connection of a request as busy while it is handled, so that idle ones end before it."""
    guard = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(guard, Guard):
        return await handler(request)
    guard.is_busy = True
    try:
        return await handler(request)
    finally:
        guard.is_busy = False


class ConnectionLimit:
    """The connections of a server, in the order of their beginning."""

    def __init__(self, most: int | None = None) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = max(8, min(most or MAX_CONNECTIONS, files // 4))
        self.connections: dict[Guard | Handshake, None] = {}

    def admit(self, guard: "Guard | Handshake") -> bool:
        """Admit a connection. Return False if there is no place for it."""
        holders = (other.address for other in self.connections)
        address = yielding_address(guard.address, holders, self.most)
        if address is not None:
            least_needed = self._least_needed(address, or_busy=address != guard.address)
            if least_needed is None:
                return False
            del self.connections[least_needed]  # at once: connection_lost is called later
            least_needed.abort()
        self.connections[guard] = None
        return True

    def _least_needed(self, address: str, *, or_busy: bool) -> "Guard | Handshake | None":
        """Return the oldest connection of an address that waits for a request, otherwise the oldest idle one, or busy one."""
        candidates = [guard for guard in self.connections if guard.address == address]
        waiting = (guard for guard in candidates if guard.waits_for_request)
        idle = (guard for guard in candidates if not guard.is_busy)
        busy = iter(candidates if or_busy else ())
        return next(chain(waiting, idle, busy), None)


class Guard(asyncio.Protocol):
    """Passes a connection to aiohttp's protocol, and ends it if a request does not arrive in time.

    A request arrives with the end of its headers. What follows counts as the next one, unless `has_bodies`. Then it is a
    body until the application calls `end_request`, and the application limits the time for it.
    """

    def __init__(
        self, protocol: asyncio.Protocol, limit: ConnectionLimit, *, has_bodies: bool = False
    ) -> None:
        self.address = ""
        self.is_busy = False
        self._protocol = protocol
        self._limit = limit
        self._has_bodies = has_bodies
        self._in_body = False
        self._is_admitted = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unfinished = b""

    @property
    def waits_for_request(self) -> bool:
        """Return whether no complete request has arrived, or a part of another one."""
        return self._timer is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection and pass it on."""
        self._transport = cast("asyncio.Transport", transport)
        self.address = address_of(transport)
        self._is_admitted = self._limit.admit(self)
        if not self._is_admitted:
            self._transport.abort()
            return
        self._start_timer()
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on, and watch for the end of a request."""
        if not self._is_admitted:
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
        self._limit.connections.pop(self, None)
        if self._is_admitted:
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


class Handshake(asyncio.Protocol):
    """The TLS handshake of a connection, with the same limits. It ends with a guard that has the connection from then on."""

    waits_for_request = True
    is_busy = False

    def __init__(self, context: SSLContext, limit: ConnectionLimit, new_guard: Callable[[], Guard]) -> None:
        self.address = ""
        self._context = context
        self._limit = limit
        self._new_guard = new_guard
        self._task: asyncio.Task[None] | None = None
        self._early = b""
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake if there is a place."""
        self._transport = cast("asyncio.Transport", transport)
        self.address = address_of(transport)
        if not self._limit.admit(self):
            self._transport.abort()
            return
        self._transport.pause_reading()  # until the handshake reads
        self._task = asyncio.create_task(self._run())

    def data_received(self, data: bytes) -> None:
        """Keep data that was received with the end of the handshake."""
        self._early += data

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection."""
        self._is_lost = True
        self._limit.connections.pop(self, None)

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            encrypted = await loop.start_tls(
                self._transport, self, self._context, server_side=True, ssl_handshake_timeout=REQUEST_TIMEOUT
            )
        except OSError:  # errors of TLS and timeouts are OSErrors
            self._transport.abort()
            return
        finally:
            self._limit.connections.pop(self, None)
        if encrypted is None or self._is_lost:
            return
        guard = self._new_guard()
        encrypted.set_protocol(guard)
        guard.connection_made(encrypted)
        if self._early:
            guard.data_received(self._early)


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
        context, handshakes = self._ssl, ConnectionLimit(self._limit.most)

        def guard() -> Guard:
            return Guard(new_protocol(), self._limit, has_bodies=self._has_bodies)

        self._server = await asyncio.get_running_loop().create_server(
            guard if context is None else lambda: Handshake(context, handshakes, guard),
            self._address.host or None,
            self._address.port,
            backlog=BACKLOG,
        )
