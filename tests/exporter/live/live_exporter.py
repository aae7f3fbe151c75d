"""An exporter in memory with its live page, served by a real HTTP server."""

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
from stream.exporter.api.endpoint import FiguresEndpoint
from stream.exporter.comment_reader import CommentReader
from stream.exporter.http.pages import run_in_slices
from stream.exporter.http.server import serve
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.broadcaster import Broadcaster
from stream.exporter.live.comments import NOT_KEPT, Comments
from stream.exporter.live.incidents import IncidentsEndpoint
from stream.exporter.live.lists import Lists, ListSource
from stream.http.web_config import WebConfig
from tests.exporter.in_memory import Worker, apply_records, exporter
from tests.support import DAY, HOUR, MINUTE, NOW, Event


class LiveExporter:
    """An exporter service without a broker.

    Its clocks stand still unless `now` or `monotonic_ms` are changed.
    """

    def __init__(
        self,
        alertmanager: str | None = None,
        port: int = 0,
        web: WebConfig | None = None,
        list_source: ListSource | None = None,
        comment_reader: CommentReader | None = None,
        **env: str,
    ) -> None:
        self.exporter = exporter(**env)
        self.worker = Worker(self.exporter)
        self.alerts = AlertmanagerClient(alertmanager)
        self.broadcaster = Broadcaster(self.exporter, self.alerts)
        self.lists = Lists(self.exporter, list_source, lambda: (self.monotonic_ms, self.now))
        off = "" if comment_reader else NOT_KEPT
        self.comments = Comments(self.exporter, comment_reader, off, lambda: (self.monotonic_ms, self.now))
        self.now, self.monotonic_ms, self.error = NOW, 0, ""
        self.port = port or free_port()
        self._web = web or WebConfig()
        self._runner: AppRunner | None = None
        self._lock = asyncio.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self._web.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def paths(self) -> set[str]:
        """The paths that it serves while it runs."""
        assert self._runner
        return {resource.canonical for resource in self._runner.app.router.resources()}

    async def publish(self, events: Iterable[Event] = (), **checkpoint_fields: object) -> None:
        """Process events and apply a flush of every domain."""
        async with self._lock:
            apply_records(
                self.exporter,
                self.worker(list(events), clock=self.now, **checkpoint_fields),
                self.monotonic_ms,
            )

    async def refresh(self) -> None:
        """Refresh as the exporter does twice a second, both steps at one time."""
        async with self._lock:
            monotonic_ms, now = self.monotonic_ms, self.now
            await run_in_slices(self.exporter.refresh(monotonic_ms, now))
            await run_in_slices(
                self.broadcaster.update(monotonic_ms=monotonic_ms, wall_ms=now, error=self.error)
            )

    def hang_up(self) -> None:
        """Abort every connection, without the TLS shutdown."""
        assert self._runner
        assert self._runner.server
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _refresh_periodically(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["LiveExporter"]:
        runner = self._runner = await serve(
            self.exporter.exposition,
            lambda: (self.exporter.unready_reason(self.monotonic_ms), ""),
            Address("127.0.0.1", self.port),
            [
                *self.broadcaster.routes(),
                *self.lists.routes(),
                *self.comments.routes(),
                *IncidentsEndpoint(self.exporter).routes(),
            ],
            [self.broadcaster.close],
            self._web,
            figures=FiguresEndpoint(self.exporter, self._lock).routes,
        )
        tasks = [
            asyncio.create_task(coroutine)
            for coroutine in (self._refresh_periodically(), self.broadcaster.poll_alerts())
        ]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()
            for result in results:
                if isinstance(result, Exception):
                    raise result


def shop_events(now: int = NOW) -> list[Event]:
    """Return a month of events of a shop: surveys, tickets, calls, customers and purchases."""
    random = Random(7)
    events = [
        Event(timed_event.data, timed_event.time, timed_event.time, timed_event.id)
        for timed_event in Story().history(now)
    ]
    for i in range(800):
        at = now - int(29 * DAY * random.random() ** 2) - 2 * HOUR
        dimensions = {"channel": random.choice(["web", "app", "phone"]), "customer_id": f"customer-{i % 300}"}
        wait = int(random.lognormvariate(2.6, 0.8) * MINUTE)
        ticket = {"ticket_id": f"t{i}", "customer_id": dimensions["customer_id"]}
        ticket_events: list[tuple[int, Any]] = [(at, TicketCreated(**ticket, channel=dimensions["channel"]))]
        if i % 13:
            ticket_events.append((at + wait, TicketMessage(**ticket, message_id=f"m{i}", author="agent")))
        if i % 11:
            ticket_events.append((at + 3 * wait, TicketStatus(**ticket, status="solved", by="agent")))
        for n, (event_time, data) in enumerate(ticket_events):
            if event_time <= now:
                events.append(Event(data, event_time, event_time, f"t{i}-{n}"))
        if i % 2:
            call = InteractionHandled(
                interaction_id=f"i{i}",
                talk_s=int(random.gauss(240, 60)),
                hold_s=random.randrange(30),
                wrap_s=random.randrange(60),
                **dimensions,
            )
            events.append(Event(call, at, at, f"i{i}"))
    for i in range(800):
        activated_at = (
            now - int(random.uniform(31, 300) * DAY) if i % 5 else now - int(random.uniform(0, 29) * DAY)
        )
        channel = random.choice(["web", "app"])
        events.append(
            Event(CustomerActivated(customer_id=f"customer-{i}", channel=channel), activated_at, now, f"c{i}")
        )
        if i % 3 == 0:
            at = max(activated_at, now - int(random.uniform(0, 29) * DAY))
            bought = PurchaseCompleted(
                order_id=f"o{i}",
                customer_id=f"customer-{i}",
                amount_minor=random.randrange(500, 20_000),
                currency="EUR",
            )
            events.append(Event(bought, at, now, f"o{i}"))
        if i % 17 == 0:
            at = max(activated_at, now - int(random.uniform(0, 29) * DAY))
            events.append(
                Event(CustomerChurned(customer_id=f"customer-{i}", reason="price"), at, now, f"x{i}")
            )
    return events
