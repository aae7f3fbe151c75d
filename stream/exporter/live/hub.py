"""Server-sent events: parts are made once for all who look at them; whoever is slow skips or is dropped."""

import asyncio
from collections.abc import Hashable, Iterator
from typing import Any

import orjson
from aiohttp import web

from stream.core.windows import Steps
from stream.exporter.exporter import Exporter
from stream.exporter.live.alerts import Alerts
from stream.exporter.live.parts import Choice, Parts
from stream.exporter.live.tiles import Tile, decode

MOST = 100
"""Pages that are served at a time."""
PATIENCE = 10.0
"""Seconds that a client may take to accept a part."""
BEAT = 5_000
"""Ms after which the moment is told, also when nothing has changed: so that a page notices silence."""
ASK = 5.0
"""Seconds between two questions to Alertmanager, while somebody looks."""


class Client:
    """A page that looks: what it chose, which parts it has."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.news = asyncio.Event()
        self.has: dict[str, bytes] = {}

    def parts(self) -> Iterator[tuple[str, Hashable]]:
        """The names of its parts, and what each is about."""
        yield "status", None
        yield "tiles", self.choice.slot
        yield "detail", self.choice


class Hub:
    """Everybody who looks, and the newest of each part that somebody wants."""

    def __init__(self, exporter: Exporter, alerts: Alerts) -> None:
        self.clients: set[Client] = set()
        self._exporter = exporter
        self._alerts = alerts
        self._parts = Parts(exporter)
        self._newest: dict[tuple[str, Hashable], bytes] = {}
        self._status: tuple[dict[str, Any], int] = ({}, -BEAT)
        self._somebody = asyncio.Event()
        self._closing = False

    def make(self, *, steady: int, wall: int, trouble: str) -> Steps:
        """Make the parts that somebody looks at, in short steps during which nothing may be taken."""
        now = self._exporter.now(wall)
        yield from self._parts.lines.remember(now, len(self._exporter.rules.windows))
        if not self.clients:
            self._newest.clear()
            return
        made: dict[tuple[str, Hashable], bytes] = {}
        status = self._parts.status(steady, trouble) | {"firing": self._alerts.shown}
        silent = ("status", None) not in self._newest or steady - self._status[1] >= BEAT
        if silent or status != self._status[0]:
            self._status = status, steady
            made["status", None] = orjson.dumps({"at": now, **status})
        choices = {client.choice for client in self.clients}
        for slot in {choice.slot for choice in choices}:
            yield from self._parts.lines.look(slot, steady)
            into: list[bytes] = []
            also: set[Tile] = {choice.tile for choice in choices if choice.slot == slot}
            yield from self._parts.tiles(slot, also, into)
            made["tiles", slot] = into[0]
        for choice in choices:
            into = []
            yield from self._parts.detail(choice, into)
            made["detail", choice] = into[0]
        self._offer(made)

    def _offer(self, made: dict[tuple[str, Hashable], bytes]) -> None:
        """Have clients send what is new to them."""
        wanted = {key for client in self.clients for key in client.parts()}
        for key, part in made.items():
            framed = b"event: %s\ndata: %s\n\n" % (key[0].encode(), part)
            if key[0] == "status" or self._newest.get(key) != framed:
                self._newest[key] = framed
        self._newest = {key: part for key, part in self._newest.items() if key in wanted}
        for client in self.clients:
            client.news.set()

    async def watch(self) -> None:
        """Ask Alertmanager now and then, while somebody looks."""
        while True:
            await self._somebody.wait()
            await self._alerts.ask()
            await asyncio.sleep(ASK)
            if not self.clients:
                self._somebody.clear()

    async def close(self, _: web.Application) -> None:
        """Let everybody go."""
        self._closing = True
        for client in self.clients:
            client.news.set()

    def routes(self) -> list[web.RouteDef]:
        """Where the page finds it."""
        return [web.get("/catalog", self._catalog), web.get("/live", self._live)]

    async def _catalog(self, _: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._parts.catalog(), content_type="application/json", headers=headers)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        choice = self._choice(request)
        if choice is None:
            raise web.HTTPBadRequest(text="window, view and tile: one of those in /catalog each\n")
        if len(self.clients) >= MOST or self._closing:
            raise web.HTTPServiceUnavailable(text=f"{MOST} pages are served already\n")
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
            }
        )
        client = Client(choice)
        self.clients.add(client)
        self._somebody.set()
        try:
            await response.prepare(request)
            while not self._closing:
                await self._send(client, response)
                await client.news.wait()
                client.news.clear()
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
            if part is not None and client.has.get(key[0]) is not part:
                client.has[key[0]] = part
                async with asyncio.timeout(PATIENCE):
                    await response.write(part)

    def _choice(self, request: web.Request) -> Choice | None:
        query, rules = request.query, self._exporter.rules
        labels = [window.label for window in rules.windows]
        tile = decode(query.get("tile", ""))
        if query.get("window") not in labels or query.get("view") not in rules.views or tile is None:
            return None
        return Choice(labels.index(query["window"]), query["view"], tile)
