"""The process of `cxgauge exporter`: tasks that read panes, render the exposition and ask for alerts, and a server."""

import asyncio
import gc
import logging
import signal
import time

from aiokafka.errors import KafkaError

from schemas.topics import DOMAINS
from stream import logs
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.windows.rolling import CooperativeSteps
from stream.errors import ConfigError
from stream.exporter.http.server import serve
from stream.exporter.http.web_config import WebConfig, read
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.broadcaster import Broadcaster
from stream.exporter.reader import PaneReader
from stream.exporter.state import ExporterState
from stream.kafka.admin import check_topics
from stream.kafka.topics import topics

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.0003
"""Seconds of work between two turns of the event loop. A scrape takes some five turns."""
RETRY_INTERVAL = 2.0
"""Seconds between two attempts to connect to the broker."""
START_TIMEOUT = 10.0
"""Seconds that an attempt to connect may take."""

CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A monotonic clock, if possible one that includes suspension, because checkpoints grow old during it."""


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT and return 0.

    Raises PreconditionFailed if the topics of panes are missing or different, and ConfigError.
    """
    path = settings.exporter.web_config
    web = WebConfig() if path is None else read(path)
    logs.set_up()
    asyncio.run(_Service(settings, web).run())
    return 0


class _Service:
    """The tasks and the HTTP server of an exporter."""

    def __init__(self, settings: Settings, web: WebConfig) -> None:
        self.settings = settings
        self.web = web
        self.exporter = ExporterState(settings)
        self.broadcaster = Broadcaster(self.exporter, AlertmanagerClient(settings.exporter.alertmanager))
        self.error = "starting"
        self.stop = asyncio.Event()
        self._busy = asyncio.Lock()
        """Held while the state is changed or rendered, because both work in steps."""
        self._last_logged = ""
        self._gc_tuned = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        address = self.settings.exporter.listen
        try:
            runner = await serve(
                self.exporter.exposition,
                self._state,
                address,
                self.broadcaster.routes(),
                [self.broadcaster.close],
                self.web,
                self.exporter.settings.exporter.hosts,
            )
        except OSError as error:
            raise ConfigError(f"exporter.listen: got {str(address)!r}: {error.strerror}") from error
        tasks = [
            asyncio.create_task(work)
            for work in (self._read(), self._refresh(), self.broadcaster.poll_alerts(), self.stop.wait())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()

    def _state(self) -> tuple[str, str]:
        return self.error or self.exporter.unready_reason(_monotonic_ms()), self.exporter.filling_windows()

    async def _read(self) -> None:
        """Read the panes for ever. Connect again after an outage of the broker, during which domains become stale."""
        reader = PaneReader(self.settings)
        while True:
            try:
                async with asyncio.timeout(START_TIMEOUT):
                    await self._check_topics()
                    await reader.start()
                self.error = ""
                while True:
                    for batch in await reader.read(100, wall_ms()):
                        if batch.error:
                            log.error(batch.error)
                        async with self._busy:
                            await run_in_slices(
                                self.exporter.apply(batch, monotonic_ms=_monotonic_ms(), wall_ms=wall_ms())
                            )
            except (KafkaError, OSError, TimeoutError) as error:
                servers = self.settings.kafka.bootstrap_servers
                self.error = f"broker {servers} cannot be reached: {type(error).__name__}"
                log.warning("%s", self.error)
                await asyncio.sleep(RETRY_INTERVAL)
            finally:
                await reader.stop()

    async def _check_topics(self) -> None:
        panes = {self.settings.topics.panes(domain) for domain in DOMAINS}
        await check_topics(self.settings, [spec for spec in topics(self.settings) if spec.name in panes])

    async def _refresh(self) -> None:
        every = self.settings.exporter.refresh_interval
        while True:
            due = _monotonic_ms() + every
            async with self._busy:
                monotonic_ms, now = _monotonic_ms(), wall_ms()
                await run_in_slices(self.exporter.refresh(monotonic_ms, now))
                await run_in_slices(
                    self.broadcaster.update(monotonic_ms=monotonic_ms, wall_ms=now, error=self.error)
                )
            self._log_changes()
            if not self._gc_tuned and not self.exporter.unready_reason(_monotonic_ms()):
                self._gc_tuned = True
                tune_gc()
            await asyncio.sleep(max(0, due - _monotonic_ms()) / 1000)

    def _log_changes(self) -> None:
        """Log the reason and note of /readyz when the kind of reason changes."""
        reason, note = self._state()
        message = "; ".join(text for text in (reason, note) if text) or "complete"
        kind = message.partition(":")[0]
        if kind != self._last_logged:
            self._last_logged = kind
            log.info("%s", message)


def tune_gc() -> None:
    """Exclude the objects of the initial read from garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1_000, 1_000)


async def run_in_slices(steps: CooperativeSteps) -> None:
    """Run steps in slices of SLICE_SECONDS. The event loop gets a turn between them."""
    until = time.perf_counter() + SLICE_SECONDS
    for _ in steps:
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS


def _monotonic_ms() -> int:
    return time.clock_gettime_ns(CLOCK) // 1_000_000
