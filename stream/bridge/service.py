"""The process of a bridge: wait for the topics, read until SIGTERM, commit."""

import asyncio
import logging
import signal
from typing import NoReturn

from aiokafka.errors import IllegalOperation, KafkaError

from stream import logs
from stream.bridge.options import BridgeOptions
from stream.bridge.positions import begin_group
from stream.bridge.session import BridgeSession, group_member
from stream.bridge.startup import RETRY_INTERVAL, prepare, wait_or_stop
from stream.bridge.translation import Counts, Translator
from stream.clock import wall_ms
from stream.config import Settings
from stream.ending import end, restart
from stream.errors import CxgaugeError, Fenced
from stream.kafka.client import certificate_files
from stream.kafka.faults import diagnose, is_fenced
from stream.mapping.mapping import EventMapping
from stream.resources.series import Resources

log = logging.getLogger(__name__)

LOST = (KafkaError, IllegalOperation, OSError, TimeoutError)
"""Errors after which the process restarts. The checks of the start find a reason that no restart mends."""
DRAIN_TIMEOUT = 10.0
"""Seconds from SIGTERM after which the process exits although a transaction is not finished."""
BEGIN_TIMEOUT = 60.0
"""Seconds in which the broker must answer about the offsets of the group."""
REPORT_INTERVAL = 60.0
"""Seconds between two log lines with the numbers of records."""


def run(settings: Settings, options: BridgeOptions, mapping: EventMapping) -> str:
    """Bridge until SIGTERM or SIGINT, or with `options.once` up to the present end, and return a summary.

    After an outage of the broker the process restarts itself from the committed offsets. It exits with 3 if another
    bridge took over, 4 if topics or records are refused, 1 on other errors.
    """
    logs.set_up(settings.logs.level, settings.logs.format)
    return str(asyncio.run(_Service(settings, options, mapping).run()))


class _Service:
    def __init__(self, settings: Settings, options: BridgeOptions, mapping: EventMapping) -> None:
        self._settings, self._options = settings, options
        self._translator = Translator(mapping, options.timestamps)
        self._stopping = asyncio.Event()

    async def run(self) -> Counts:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            return await self._bridge()
        except Exception as error:  # noqa: BLE001 - every error ends the process
            fault = None if is_fenced(error) else await diagnose(self._settings.kafka, error)
            if fault is None and self._is_restartable(error):
                log.warning("Lost connection to Kafka (%r); restarting from the committed offsets", error)
                await wait_or_stop(self._stopping, RETRY_INTERVAL)
                if self._stopping.is_set():
                    end("bridge", 0, "stopped")
                restart()
            _fail(self._settings, fault or error)

    def _stop(self) -> None:
        self._stopping.set()
        text = f"not finished within {DRAIN_TIMEOUT:.0f} s after the signal to stop"
        asyncio.get_running_loop().call_later(DRAIN_TIMEOUT, end, "bridge", 1, text)

    def _is_restartable(self, error: Exception) -> bool:
        is_lost = isinstance(error, LOST) and not is_fenced(error)
        return is_lost and not self._options.once and not self._stopping.is_set()

    async def _bridge(self) -> Counts:
        prepared = await prepare(self._settings, self._options, self._stopping)
        if prepared is None:
            return Counts()
        async with asyncio.timeout(BEGIN_TIMEOUT):
            ranges = await begin_group(self._settings, self._options, prepared.partitions)
        consumer = group_member(self._settings, self._options)
        session = BridgeSession(
            self._settings, self._options, self._translator, prepared.retentions, consumer
        )
        resources = Resources(certificate_files(self._settings.kafka))
        reporting = asyncio.create_task(_report(session, resources))
        try:
            await session.run(self._stopping, ranges if self._options.once else None)
        finally:
            reporting.cancel()
            await session.close()
        return session.counts


async def _report(session: BridgeSession, resources: Resources) -> None:
    """Log the numbers of records for ever, and scarce resources when they change, because a bridge serves no series."""
    known = ""
    while True:
        remarks = "; ".join(resources.remarks(wall_ms() / 1000))
        if remarks and remarks != known:
            log.warning(remarks)
        known = remarks
        await asyncio.sleep(REPORT_INTERVAL)
        log.info("Since the start %s; %s behind the end", session.counts, f"{session.lag():,}")


def _fail(settings: Settings, error: Exception) -> NoReturn:
    """End the process at once. Producers whose state is unknown could delay an orderly end."""
    if is_fenced(error):
        end("bridge", Fenced.exit_code, "fenced: another bridge has taken over a partition of this one")
    if isinstance(error, CxgaugeError):
        end("bridge", error.exit_code, str(error))
    if isinstance(error, LOST):
        end(
            "bridge", 1, f"Kafka at {settings.kafka.bootstrap_servers!r}: {str(error) or 'no answer in time'}"
        )
    log.error("Unexpected error", exc_info=error)
    end("bridge", 1, repr(error))
