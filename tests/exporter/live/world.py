"""An exporter with its page, in memory: what workers would have written goes in, a real HTTP server answers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from aiohttp.web import AppRunner

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from stream.config import Address
from stream.demo.story import Story
from stream.devbroker.ports import free_port
from stream.exporter.http.server import serve
from stream.exporter.http.web_config import WebConfig
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.broadcaster import Broadcaster
from stream.exporter.service import run_in_slices
from tests.exporter.memory import Worker, exporter, feed
from tests.support import DAY, HOUR, MINUTE, NOW, Event


class World:
    """A service without a broker. Time stands still unless `now` or `steady` are changed."""

    def __init__(
        self, alertmanager: str | None = None, port: int = 0, web: WebConfig | None = None, **env: str
    ) -> None:
        self.exporter = exporter(**env)
        self.worker = Worker(self.exporter)
        self.alerts = AlertmanagerClient(alertmanager)
        self.hub = Broadcaster(self.exporter, self.alerts)
        self.now, self.steady, self.error = NOW, 0, ""
        self.port = port or free_port()
        self._web = web or WebConfig()
        self._runner: AppRunner | None = None
        self._busy = asyncio.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self._web.tls else 'http'}://127.0.0.1:{self.port}"

    async def publish(self, events: Iterable[Event] = (), **marker: object) -> None:
        """A flush of every domain."""
        async with self._busy:
            feed(self.exporter, self.worker(list(events), clock=self.now, **marker), self.steady)

    async def refresh(self) -> None:
        """What the exporter does twice a second."""
        async with self._busy:
            await run_in_slices(self.exporter.refresh(self.steady, self.now))
            await run_in_slices(self.hub.update(monotonic_ms=self.steady, wall_ms=self.now, error=self.error))

    def hang_up(self) -> None:
        """End every connection at once, without the good-bye of TLS."""
        assert self._runner
        assert self._runner.server
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _go_on(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        runner = self._runner = await serve(
            self.exporter.exposition,
            lambda: (self.exporter.unready_reason(self.steady), ""),
            Address("127.0.0.1", self.port),
            self.hub.routes(),
            [self.hub.close],
            self._web,
        )
        tasks = [asyncio.create_task(work) for work in (self._go_on(), self.hub.poll_alerts())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()
            for result in ended:
                if isinstance(result, Exception):
                    raise result


def shop(now: int = NOW) -> list[Event]:
    """A month of a shop: surveys, tickets, calls, customers and purchases."""
    chance = Random(7)
    events = [Event(told.data, told.time, told.time, told.id) for told in Story().history(now)]
    for i in range(800):
        at = now - int(29 * DAY * chance.random() ** 2) - 2 * HOUR
        where = {"channel": chance.choice(["web", "app", "phone"]), "customer_id": f"customer-{i % 300}"}
        wait = int(chance.lognormvariate(2.6, 0.8) * MINUTE)
        ticket = {"ticket_id": f"t{i}", "customer_id": where["customer_id"]}
        told: list[tuple[int, Any]] = [(at, TicketCreated(**ticket, channel=where["channel"]))]
        if i % 13:
            told.append((at + wait, TicketMessage(**ticket, message_id=f"m{i}", author="agent")))
        if i % 11:
            told.append((at + 3 * wait, TicketStatus(**ticket, status="solved", by="agent")))
        for n, (when, data) in enumerate(told):
            if when <= now:
                events.append(Event(data, when, when, f"t{i}-{n}"))
        if i % 2:
            call = InteractionHandled(
                interaction_id=f"i{i}",
                talk_s=int(chance.gauss(240, 60)),
                hold_s=chance.randrange(30),
                wrap_s=chance.randrange(60),
                **where,
            )
            events.append(Event(call, at, at, f"i{i}"))
    for i in range(800):
        joined = now - int(chance.uniform(31, 300) * DAY) if i % 5 else now - int(chance.uniform(0, 29) * DAY)
        channel = chance.choice(["web", "app"])
        events.append(
            Event(CustomerActivated(customer_id=f"customer-{i}", channel=channel), joined, now, f"c{i}")
        )
        if i % 3 == 0:
            at = max(joined, now - int(chance.uniform(0, 29) * DAY))
            bought = PurchaseCompleted(
                order_id=f"o{i}",
                customer_id=f"customer-{i}",
                amount_minor=chance.randrange(500, 20_000),
                currency="EUR",
            )
            events.append(Event(bought, at, now, f"o{i}"))
        if i % 17 == 0:
            at = max(joined, now - int(chance.uniform(0, 29) * DAY))
            events.append(
                Event(CustomerChurned(customer_id=f"customer-{i}", reason="price"), at, now, f"x{i}")
            )
    return events
