"""The process of `cxgauge exporter`: tasks that read panes, render the exposition and ask for alerts, and a server."""

import asyncio
import gc
import logging
import signal
import socket
import time

from aiokafka.errors import KafkaError

from schemas.topics import DOMAINS
from stream import logs
from stream.clock import monotonic_ms, wall_ms
from stream.config import Settings
from stream.core.windows.rolling import CooperativeSteps
from stream.errors import ConfigError
from stream.exporter.clock_reader import ClockReader
from stream.exporter.http.server import serve
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.broadcaster import Broadcaster
from stream.exporter.reader import PaneReader
from stream.exporter.state import ExporterState
from stream.http.web_config import WebConfig, read
from stream.kafka.admin import check_topics
from stream.kafka.topics import topics

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.0003
"""Seconds of work between two turns of the event loop. A scrape takes some five turns."""
RETRY_INTERVAL = 2.0
"""Seconds between two attempts to connect to the broker."""
START_TIMEOUT = 10.0
"""Seconds that an attempt to connect may take."""


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
        listen = settings.exporter.listen
        self.exporter.clock.name = f"exporter {socket.gethostname()}:{listen.port}"
        self._last_logged = ""
        self._logged_clocks: list[str] = []
        """Keys of the notes about clocks that were logged last."""
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
            for work in (
                self._read(),
                self._refresh(),
                ClockReader(self.settings, self.exporter.clock).run(),
                self.broadcaster.poll_alerts(),
                self.stop.wait(),
            )
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
        now = monotonic_ms()
        return self.error or self.exporter.unready_reason(now), self.exporter.notes(now)

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
                    for batch in await reader.read(100, monotonic_ms()):
                        if batch.error:
                            log.error(batch.error)
                        async with self._busy:
                            now = monotonic_ms()
                            present = self.exporter.clock.read(now, wall_ms())
                            await run_in_slices(self.exporter.apply(batch, monotonic_ms=now, wall_ms=present))
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
            due = monotonic_ms() + every
            async with self._busy:
                now = monotonic_ms()
                present = self.exporter.clock.read(now, wall_ms())
                await run_in_slices(self.exporter.refresh(now, present))
                await run_in_slices(
                    self.broadcaster.update(monotonic_ms=now, wall_ms=present, error=self.error)
                )
            self._log_changes()
            if not self._gc_tuned and not self.exporter.unready_reason(monotonic_ms()):
                self._gc_tuned = True
                tune_gc()
            await asyncio.sleep(max(0, due - monotonic_ms()) / 1000)

    def _log_changes(self) -> None:
        """Log the reason and note of /readyz when the kind of reason changes."""
        self._log_clocks()
        reason, note = self._state()[0], self.exporter.filling_windows()
        message = "; ".join(text for text in (reason, note) if text) or "complete"
        kind = message.partition(":")[0]
        if kind != self._last_logged:
            self._last_logged = kind
            log.info("%s", message)

    def _log_clocks(self) -> None:
        """Log the notes about clocks when they change, apart from the size of differences."""
        notes = dict(self.exporter.clock.notes(monotonic_ms()))
        if list(notes) != self._logged_clocks:
            self._logged_clocks = list(notes)
            # formatted here, because the log shows messages of one template only once in ten seconds
            text = "; ".join(notes.values()) or "clocks: nothing to report any more"
            log.warning(text)


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
