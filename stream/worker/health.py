"""The worker's HTTP endpoint: operational `/metrics`, `/livez` and `/readyz`.

It runs on its own thread, so that a blocked event loop is visible from outside.
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from stream.clock import wall_ms
from stream.config import Address
from stream.http.guard import KEEP_ALIVE, GuardedSite, mark_busy
from stream.kafka.records import described
from stream.resources.certificates import CertificateFile
from stream.resources.series import Resources
from stream.worker.clock import WorkerClock
from stream.worker.disk_metrics import DiskCollector
from stream.worker.task_manager import OwnedTask, TaskManager

if TYPE_CHECKING:
    from stream.worker.disk.local_state import LocalState

MAX_CONNECTIONS = 50
MAX_HEARTBEAT_AGE = 30.0
"""Seconds without a heartbeat of the event loop after which `/livez` fails."""


class Health:
    """The state that the endpoint serves. `reason` says why the worker is not ready and is empty if it is.

    `certificates` are the files of certificates that the worker uses, `folders` those of its data.
    """

    def __init__(self, certificates: Iterable[CertificateFile] = (), folders: Iterable[Path] = ()) -> None:
        self.registry = CollectorRegistry()
        self._resources = Resources(certificates, folders)
        self.registry.register(self._resources)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.reason = "starting"
        self._last_heartbeat = time.monotonic()
        self._task_manager: TaskManager | None = None
        self._clock: WorkerClock | None = None
        self._local: LocalState | None = None
        self.flushes = Counter("cxgauge_flushes", "Committed flushes", registry=self.registry)
        self.flush_seconds = Histogram(
            "cxgauge_flush_seconds",
            "Time from the beginning of a flush to its commit",
            registry=self.registry,
        )
        self.records = Counter(
            "cxgauge_records_written",
            "Records written: state, panes, dead letters, forwards, comments",
            ("kind",),
            registry=self.registry,
        )

    def heartbeat(self) -> None:
        """Record that the event loop is alive."""
        self._last_heartbeat = time.monotonic()

    @property
    def alive(self) -> bool:
        """Return whether the last heartbeat is younger than `MAX_HEARTBEAT_AGE`."""
        return time.monotonic() - self._last_heartbeat < MAX_HEARTBEAT_AGE

    def watch(self, task_manager: TaskManager, clock: WorkerClock | None = None) -> None:
        """Serve metrics and unreadable batches of the partitions of this task manager, and notes about the clock."""
        self._clock = clock
        self.registry.register(_TaskCollector(task_manager))
        self._task_manager = task_manager

    def watch_disk(self, local: "LocalState") -> None:
        """Serve metrics of the databases of this worker, and remarks about them."""
        self.registry.register(DiskCollector(local.opened))
        self._local = local

    def remarks(self) -> list[str]:
        """Return lines about scarce resources, the clock, and each partition that an unreadable batch or the disk blocks."""
        blocked = self._task_manager.blocked() if self._task_manager else {}
        clock = [] if self._clock is None else [text for _, text in self._clock.notes()]
        disk = [] if self._local is None else self._local.remarks()
        return [*self._resources.remarks(wall_ms() / 1000), *clock, *disk] + [
            f"{described(TopicPartition(*tp), batch)}. Counting of the partition has stopped"
            for tp, batch in sorted(blocked.items())
        ]


class _TaskCollector:
    """A collector that reads the metrics of the owned partitions at each scrape."""

    def __init__(self, task_manager: TaskManager) -> None:
        self._task_manager = task_manager

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, with one sample for each partition."""
        owned_tasks = list(self._task_manager.tasks.values())
        for name, text, value in (
            ("cxgauge_partition_lag_seconds", "Time since the partition was last read to its end", _lag),
            (
                "cxgauge_partition_offset",
                "Offset of the next record to be counted",
                lambda owned: owned.task.next_offset,
            ),
            (
                "cxgauge_partition_unflushed_records",
                "Records counted in memory but not yet flushed",
                _unflushed,
            ),
            (
                "cxgauge_entities",
                "Entities, in memory or on local disk",
                lambda owned: len(owned.task.store.entities),
            ),
            ("cxgauge_pane_blocks", "Blocks of panes in memory", lambda owned: len(owned.task.panes)),
        ):
            family = GaugeMetricFamily(name, text, labels=("topic", "partition"))
            for owned in owned_tasks:
                family.add_metric((owned.task.domain.topic.name, str(owned.task.number)), value(owned))
            yield family
        blocked = GaugeMetricFamily(
            "cxgauge_partition_unreadable_offset",
            "Offset of the unreadable batch that blocks the partition, absent if none does",
            labels=("topic", "partition"),
        )
        for owned in owned_tasks:
            if (batch := owned.unreadable) is not None:
                blocked.add_metric((owned.task.domain.topic.name, str(owned.task.number)), batch.offset)
        yield blocked


def _lag(owned_task: OwnedTask) -> float:
    return owned_task.lag / 1000


def _unflushed(owned_task: OwnedTask) -> float:
    return owned_task.task.next_offset - max(owned_task.flushed_offset, 0)


class HealthServer:
    """The endpoint, on an event loop of its own in a thread of its own."""

    def __init__(self, health: Health, address: Address) -> None:
        self._health = health
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="health", daemon=True)

    def start(self) -> None:
        """Listen. Raises OSError if the address cannot be used."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except OSError:
            self.shutdown()
            raise

    def shutdown(self) -> None:
        """Stop listening and end the thread."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._close(self._runner), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self, runner: web.AppRunner) -> None:
        await runner.cleanup()
        # aiohttp does not wait for the handlers of connections that were lost before
        handlers = asyncio.all_tasks() - {asyncio.current_task()}
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    async def _listen(self) -> None:
        app = web.Application(middlewares=[mark_busy])
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
            ]
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            keepalive_timeout=KEEP_ALIVE,
        )
        await self._runner.setup()
        await GuardedSite(self._runner, self._address, most=MAX_CONNECTIONS).start()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._health.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _livez(self, _: web.Request) -> web.Response:
        alive = self._health.alive
        return web.Response(status=200 if alive else 503, text="ok\n" if alive else "event loop is blocked\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = self._health.reason
        text = "".join(f"{line}\n" for line in [reason or "ok", *self._health.remarks()])
        return web.Response(status=503 if reason else 200, text=text)


def serve(health: Health, address: Address) -> HealthServer:
    """Serve the endpoint until `shutdown()`. Raises OSError if the address cannot be used."""
    server = HealthServer(health, address)
    server.start()
    return server
