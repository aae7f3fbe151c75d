"""Server-sent events. A payload is built once for all clients that need it, and a slow client skips or is dropped."""

import asyncio
import logging
from collections.abc import Hashable, Iterator
from typing import Any

import orjson
from aiohttp import web

from stream.core.metrics.headlines import Tile, decode
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.payloads import Payloads, Selection
from stream.exporter.state import ExporterState
from stream.http.guard import network_of, yielding_address

log = logging.getLogger(__name__)

MAX_CLIENTS = 100
"""Maximum number of connected clients, of which one address has at most three quarters."""
RETRY_AFTER = "3"
"""Seconds after which a refused client may try again, as a header value."""
WRITE_TIMEOUT = 10.0
"""Seconds that a client may take to accept a payload."""
STATUS_INTERVAL = 3_000
"""Ms after which the status is sent again without a change, so that a page notices a lost connection."""
POLL_INTERVAL = 5.0
"""Seconds between two requests to Alertmanager while clients are connected."""


PayloadKey = tuple[str, Hashable]
"""Name of a payload, and the window index or selection that it depends on."""


class Client:
    """A connected page: its selection, the address by which it is counted, and the payloads that it was sent last."""

    def __init__(self, selection: Selection, address: str, transport: asyncio.Transport | None) -> None:
        self.selection = selection
        self.address = address
        self._transport = transport
        self.updated = asyncio.Event()
        self.sent: dict[str, bytes] = {}

    def payload_keys(self) -> Iterator[PayloadKey]:
        """Yield the keys of the payloads that it needs."""
        yield "status", None
        yield "tiles", self.selection.window_index
        yield "detail", self.selection

    def abort(self) -> None:
        """End the connection at once, which fails the next write, and wake the task for it."""
        if self._transport is not None:
            self._transport.abort()
        self.updated.set()


class Broadcaster:
    """The connected clients, and the newest version of each payload that they need."""

    def __init__(self, exporter: ExporterState, alerts: AlertmanagerClient) -> None:
        self.clients: dict[Client, None] = {}
        """In the order of their connection."""
        self._exporter = exporter
        self._alerts = alerts
        self._payloads = Payloads(exporter)
        self._newest: dict[PayloadKey, bytes] = {}
        self._status: tuple[dict[str, Any], int] = ({}, -STATUS_INTERVAL)
        self._has_clients = asyncio.Event()
        self._closing = False

    def update(self, *, monotonic_ms: int, wall_ms: int, error: str) -> CooperativeSteps:
        """Build the payloads that clients need, in short steps. The exporter's state may not change between them.

        Args:
            monotonic_ms: the present in ms of a monotonic clock
            wall_ms: the present in ms since the epoch
            error: the error of the service, empty if there is none
        """
        now = self._exporter.now(wall_ms)
        yield from self._payloads.timelines.record(now, len(self._exporter.config.windows))
        if not self.clients:
            self._newest.clear()
            return
        payloads: dict[PayloadKey, bytes] = {}
        status = self._payloads.status(monotonic_ms, error) | {"firing": self._alerts.shown}
        is_due = ("status", None) not in self._newest or monotonic_ms - self._status[1] >= STATUS_INTERVAL
        if is_due or status != self._status[0]:
            self._status = status, monotonic_ms
            payloads["status", None] = orjson.dumps({"at": now, **status})
        selections = {client.selection for client in self.clients}
        for window_index in {selection.window_index for selection in selections}:
            yield from self._payloads.timelines.update(window_index, monotonic_ms)
            into: list[bytes] = []
            selected: set[Tile] = {
                selection.tile for selection in selections if selection.window_index == window_index
            }
            yield from self._payloads.tiles(window_index, selected, into)
            payloads["tiles", window_index] = into[0]
        for selection in selections:
            into = []
            yield from self._payloads.detail(selection, into)
            payloads["detail", selection] = into[0]
        self._publish(payloads)

    def _publish(self, payloads: dict[PayloadKey, bytes]) -> None:
        """Keep the changed payloads and wake the tasks of all clients."""
        wanted = {key for client in self.clients for key in client.payload_keys()}
        for key, payload in payloads.items():
            framed = b"event: %s\ndata: %s\n\n" % (key[0].encode(), payload)
            if key[0] == "status" or self._newest.get(key) != framed:
                self._newest[key] = framed
        self._newest = {key: framed for key, framed in self._newest.items() if key in wanted}
        for client in self.clients:
            client.updated.set()

    async def poll_alerts(self) -> None:
        """Request the alerts every POLL_INTERVAL while clients are connected."""
        while True:
            await self._has_clients.wait()
            try:
                await self._alerts.poll()
            except Exception:  # the alerts are shown beside the figures, and must not end them
                log.exception("The firing alerts cannot be shown")
            await asyncio.sleep(POLL_INTERVAL)
            if not self.clients:
                self._has_clients.clear()

    async def close(self, _: web.Application) -> None:
        """End all connections."""
        self._closing = True
        for client in self.clients:
            client.updated.set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes `/catalog` and `/live`."""
        return [web.get("/catalog", self._catalog), web.get("/live", self._live, allow_head=False)]

    async def _catalog(self, _: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._payloads.catalog(), content_type="application/json", headers=headers)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        selection = self._selection(request)
        if selection is None:
            raise web.HTTPBadRequest(text="window, view and tile: allowed are the values in /catalog\n")
        client = Client(selection, network_of(request.remote), request.transport)
        self._admit(client)
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
            }
        )
        try:
            await response.prepare(request)
            while not self._closing and client in self.clients:
                await self._send(client, response)
                await client.updated.wait()
                client.updated.clear()
        except TimeoutError:
            client.abort()
        except ConnectionError:
            pass
        finally:
            self.clients.pop(client, None)
        return response

    def _admit(self, client: Client) -> None:
        """Give a client a place, if necessary that of the newest client of the address that has the most.

        Raises HTTPTooManyRequests or, if its address has none, HTTPServiceUnavailable.
        """
        headers = {"Retry-After": RETRY_AFTER}
        if self._closing:
            raise web.HTTPServiceUnavailable(text="the exporter stops\n", headers=headers)
        addresses = [other.address for other in self.clients]
        yielding = yielding_address(client.address, addresses, MAX_CLIENTS)
        if yielding == client.address:
            same = addresses.count(client.address)
            text = f"{len(addresses)} of {MAX_CLIENTS} live pages are connected, {same} of them from your address\n"
            refusal = web.HTTPTooManyRequests if same else web.HTTPServiceUnavailable
            raise refusal(text=text, headers=headers)
        if yielding is not None:
            newest = next(other for other in reversed(self.clients) if other.address == yielding)
            del self.clients[newest]
            newest.abort()
        self.clients[client] = None
        self._has_clients.set()

    async def _send(self, client: Client, response: web.StreamResponse) -> None:
        for key in client.payload_keys():
            framed = self._newest.get(key)
            if framed is not None and client.sent.get(key[0]) is not framed:
                client.sent[key[0]] = framed
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await response.write(framed)

    def _selection(self, request: web.Request) -> Selection | None:
        query, config = request.query, self._exporter.config
        windows = [window.label for window in config.windows]
        tile = decode(query.get("tile", ""))
        if query.get("window") not in windows or query.get("view") not in config.views or tile is None:
            return None
        return Selection(windows.index(query["window"]), query["view"], tile)
