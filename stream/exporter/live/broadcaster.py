"""Server-sent events: parts are made once for all who look at them; whoever is slow skips or is dropped."""

import asyncio
from collections.abc import Hashable, Iterator
from typing import Any

import orjson
from aiohttp import web

from stream.core.metrics.headlines import Tile, decode
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.payloads import Payloads, Selection
from stream.exporter.state import ExporterState

MAX_CLIENTS = 100
"""Pages that are served at a time."""
WRITE_TIMEOUT = 10.0
"""Seconds that a client may take to accept a part."""
STATUS_INTERVAL = 5_000
"""Ms after which the moment is told, also when nothing has changed: so that a page notices silence."""
POLL_INTERVAL = 5.0
"""Seconds between two questions to Alertmanager, while somebody looks."""


class Client:
    """A page that looks: what it chose, which parts it has."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.updated = asyncio.Event()
        self.sent: dict[str, bytes] = {}

    def parts(self) -> Iterator[tuple[str, Hashable]]:
        """The names of its parts, and what each is about."""
        yield "status", None
        yield "tiles", self.selection.slot
        yield "detail", self.selection


class Broadcaster:
    """Everybody who looks, and the newest of each part that somebody wants."""

    def __init__(self, exporter: ExporterState, alerts: AlertmanagerClient) -> None:
        self.clients: set[Client] = set()
        self._exporter = exporter
        self._alerts = alerts
        self._parts = Payloads(exporter)
        self._newest: dict[tuple[str, Hashable], bytes] = {}
        self._status: tuple[dict[str, Any], int] = ({}, -STATUS_INTERVAL)
        self._has_clients = asyncio.Event()
        self._closing = False

    def update(self, *, monotonic_ms: int, wall_ms: int, error: str) -> CooperativeSteps:
        """Make the parts that somebody looks at, in short steps during which nothing may be taken."""
        now = self._exporter.now(wall_ms)
        yield from self._parts.timelines.record(now, len(self._exporter.config.windows))
        if not self.clients:
            self._newest.clear()
            return
        payloads: dict[tuple[str, Hashable], bytes] = {}
        status = self._parts.status(monotonic_ms, error) | {"firing": self._alerts.shown}
        silent = ("status", None) not in self._newest or monotonic_ms - self._status[1] >= STATUS_INTERVAL
        if silent or status != self._status[0]:
            self._status = status, monotonic_ms
            payloads["status", None] = orjson.dumps({"at": now, **status})
        selections = {client.selection for client in self.clients}
        for window_index in {choice.slot for choice in selections}:
            yield from self._parts.timelines.update(window_index, monotonic_ms)
            into: list[bytes] = []
            also: set[Tile] = {choice.tile for choice in selections if choice.slot == window_index}
            yield from self._parts.tiles(window_index, also, into)
            payloads["tiles", window_index] = into[0]
        for selection in selections:
            into = []
            yield from self._parts.detail(selection, into)
            payloads["detail", selection] = into[0]
        self._publish(payloads)

    def _publish(self, payloads: dict[tuple[str, Hashable], bytes]) -> None:
        """Have clients send what is new to them."""
        wanted = {key for client in self.clients for key in client.parts()}
        for key, part in payloads.items():
            framed = b"event: %s\ndata: %s\n\n" % (key[0].encode(), part)
            if key[0] == "status" or self._newest.get(key) != framed:
                self._newest[key] = framed
        self._newest = {key: part for key, part in self._newest.items() if key in wanted}
        for client in self.clients:
            client.updated.set()

    async def poll_alerts(self) -> None:
        """Ask Alertmanager now and then, while somebody looks."""
        while True:
            await self._has_clients.wait()
            await self._alerts.poll()
            await asyncio.sleep(POLL_INTERVAL)
            if not self.clients:
                self._has_clients.clear()

    async def close(self, _: web.Application) -> None:
        """Let everybody go."""
        self._closing = True
        for client in self.clients:
            client.updated.set()

    def routes(self) -> list[web.RouteDef]:
        """Where the page finds it."""
        return [web.get("/catalog", self._catalog), web.get("/live", self._live)]

    async def _catalog(self, _: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._parts.catalog(), content_type="application/json", headers=headers)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        selection = self._selection(request)
        if selection is None:
            raise web.HTTPBadRequest(text="window, view and tile: one of those in /catalog each\n")
        if len(self.clients) >= MAX_CLIENTS or self._closing:
            raise web.HTTPServiceUnavailable(text=f"{MAX_CLIENTS} pages are served already\n")
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
            }
        )
        client = Client(selection)
        self.clients.add(client)
        self._has_clients.set()
        try:
            await response.prepare(request)
            while not self._closing:
                await self._send(client, response)
                await client.updated.wait()
                client.updated.clear()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass
        finally:
            self.clients.discard(client)
        return response

    async def _send(self, client: Client, response: web.StreamResponse) -> None:
        for key in client.parts():
            part = self._newest.get(key)
            if part is not None and client.sent.get(key[0]) is not part:
                client.sent[key[0]] = part
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await response.write(part)

    def _selection(self, request: web.Request) -> Selection | None:
        query, config = request.query, self._exporter.config
        labels = [window.label for window in config.windows]
        tile = decode(query.get("tile", ""))
        if query.get("window") not in labels or query.get("view") not in config.views or tile is None:
            return None
        return Selection(labels.index(query["window"]), query["view"], tile)
