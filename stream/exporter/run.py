"""`cxgauge exporter`: one task reads, applies and renders; the server hands out what is there."""

import asyncio
import gc
import logging
import signal
import time

from aiokafka.errors import KafkaError

from stream import logs
from stream.config import DOMAINS, Settings
from stream.core.windows import Steps
from stream.errors import ConfigError, Refused
from stream.exporter.exporter import Exporter
from stream.exporter.live.alerts import Alerts
from stream.exporter.live.hub import Hub
from stream.exporter.reader import Reader
from stream.exporter.server import serve
from stream.exporter.web import WebConfig, read
from stream.topic_admin import describe
from stream.topology import refusals, topics

log = logging.getLogger(__name__)

SLICE = 0.0003
"""Seconds of work after which scrapes get their turn: one takes some five turns of the loop."""
AGAIN = 2.0
"""Seconds between two attempts to reach the broker."""
PATIENCE = 10.0
"""Seconds that an attempt may take."""

CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Steady, and where it can be had one that counts on while the machine sleeps: no marker came then either."""


def run(settings: Settings) -> int:
    """Show until SIGTERM or SIGINT; 0. Raises `Refused` when the panes are not there, `ConfigError`."""
    path = settings.exporter.web_config
    web = WebConfig() if path is None else read(path)
    logs.set_up()
    asyncio.run(_Service(settings, web).run())
    return 0


class _Service:
    """The exporter as a process: one task reads, one shows, one asks for alerts."""

    def __init__(self, settings: Settings, web: WebConfig) -> None:
        self.settings = settings
        self.web = web
        self.exporter = Exporter(settings)
        self.hub = Hub(self.exporter, Alerts(settings.exporter.alertmanager))
        self.trouble = "starting"
        self.stop = asyncio.Event()
        self._busy = asyncio.Lock()
        """Held while figures are changed or shown, which both go in steps."""
        self._remark = ""
        self._settled = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        address = self.settings.exporter.listen
        try:
            runner = await serve(
                self.exporter.page, self._state, address, self.hub.routes(), [self.hub.close], self.web
            )
        except OSError as error:
            raise ConfigError(f"exporter.listen: got {str(address)!r}: {error.strerror}") from error
        tasks = [
            asyncio.create_task(work)
            for work in (self._read(), self._show(), self.hub.watch(), self.stop.wait())
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
        return self.trouble or self.exporter.unready(_steady()), self.exporter.filling()

    async def _read(self) -> None:
        """Read over every outage of the broker; figures stand still meanwhile."""
        reader = Reader(self.settings)
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._check_topics()
                    await reader.start()
                self.trouble = ""
                while True:
                    for batch in await reader.read(100, _wall()):
                        if batch.fault:
                            log.error(batch.fault)
                        async with self._busy:
                            await paced(self.exporter.take(batch, steady=_steady(), wall=_wall()))
            except (KafkaError, OSError, TimeoutError) as error:
                servers = self.settings.kafka.bootstrap_servers
                self.trouble = f"broker {servers} cannot be reached: {type(error).__name__}"
                log.warning("%s", self.trouble)
                await asyncio.sleep(AGAIN)
            finally:
                await reader.stop()

    async def _check_topics(self) -> None:
        panes = {self.settings.topics.panes(domain) for domain in DOMAINS}
        wanted = [spec for spec in topics(self.settings) if spec.name in panes]
        if wrong := refusals(wanted, await describe(self.settings, wanted)):
            raise Refused("topics are not as configured (cxgauge topics check):\n" + "\n".join(wrong))

    async def _show(self) -> None:
        every = self.settings.exporter.refresh_interval
        while True:
            due = _steady() + every
            async with self._busy:
                steady, wall = _steady(), _wall()
                await paced(self.exporter.refresh(steady, wall))
                await paced(self.hub.make(steady=steady, wall=wall, trouble=self.trouble))
            self._tell()
            if not self._settled and not self.exporter.unready(_steady()):
                self._settled = True
                calm_the_collector()
            await asyncio.sleep(max(0, due - _steady()) / 1000)

    def _tell(self) -> None:
        """Say in the log when what stands in the way has changed."""
        reason, remark = self._state()
        told = "; ".join(text for text in (reason, remark) if text) or "complete"
        kind = told.partition(":")[0]
        if kind != self._remark:
            self._remark = kind
            log.info("%s", told)


def calm_the_collector() -> None:
    """What was read at the start stays: do not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1_000, 1_000)


async def paced(steps: Steps) -> None:
    """Do the work in slices between which scrapes are answered."""
    until = time.perf_counter() + SLICE
    for _ in steps:
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE


def _steady() -> int:
    return time.clock_gettime_ns(CLOCK) // 1_000_000


def _wall() -> int:
    return time.time_ns() // 1_000_000
