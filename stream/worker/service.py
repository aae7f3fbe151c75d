"""`cxgauge worker`: prepare, count until SIGTERM, drain."""

import asyncio
import gc
import logging
import os
import shutil
import signal
import sys
import time
from typing import NoReturn

import faust
from aiokafka.errors import KafkaError, ProducerFenced

from stream import logs
from stream.clock import wall_ms
from stream.config import Settings
from stream.core.aggregation.task import Flush, PartitionTask
from stream.errors import ConfigError, CxgaugeError, Fenced
from stream.worker.app import build
from stream.worker.checkpoint_writer import KafkaCheckpointStore
from stream.worker.health import Health, serve
from stream.worker.startup import prepare
from stream.worker.transport import BatchApp

log = logging.getLogger(__name__)

DRAIN_TIMEOUT = 10.0
"""Seconds that SIGTERM may take when the broker is gone."""


def run(settings: Settings) -> int:
    """Count until SIGTERM or SIGINT, and return the exit code.

    Memory that may differ from the stored state is never repaired but discarded. After an outage of the broker the
    process restarts itself. It ends with 3 when another worker took over, 4 for wrong topics or state, 1 otherwise.
    """
    logs.set_up()
    health = Health()
    try:
        server = serve(health, settings.worker.listen)
    except OSError as error:
        raise ConfigError(f"worker.listen: got {str(settings.worker.listen)!r}: {error.strerror}") from error
    _stop_before_start()
    asyncio.run(prepare(settings, health))
    health.reason = "no partitions assigned yet"
    store = InstrumentedStore(settings, health)
    app = build(settings, store, wall_ms, _fail_fast)
    health.watch(app.task_manager)
    _add_heartbeat(app, health)
    _tune_gc()
    code: object = 0
    try:
        _FaustWorker(app).execute_from_commandline()
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        server.shutdown()
        shutil.rmtree(app.conf.datadir, ignore_errors=True)
    return code if isinstance(code, int) else 1


_stopping: list[str] = []
"""Not empty from SIGTERM or SIGINT on: then a failing broker ends the process, it does not begin again."""


def _stop_before_start() -> None:
    """Until Faust's own handlers are there: nothing is held yet, so stopping is leaving."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def _fail_fast(error: BaseException) -> NoReturn:
    """End at once, without the draining that could write what may be wrong."""
    if isinstance(error, ProducerFenced):
        _exit(Fenced.exit_code, "fenced: another worker has taken over a partition of ours")
    if isinstance(error, CxgaugeError):
        _exit(error.exit_code, str(error))
    if isinstance(error, (KafkaError, OSError, TimeoutError)) and not _stopping:
        log.warning("the broker failed (%r): the worker restarts from the stored state", error)
        _flush_streams()
        # in the same process, so that whoever watches it need not act; threads and memory are gone after it
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606
    log.error("unexpected error", exc_info=error)
    _exit(1, repr(error))


def _exit(code: int, text: str) -> NoReturn:
    print(f"cxgauge worker: {text}", file=sys.stderr)  # noqa: T201
    _flush_streams()
    os._exit(code)


def _flush_streams() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _tune_gc() -> None:
    """Collections over fetched records, young or old, are a loss that can be felt: make them rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 1_000, 1_000)


def _add_heartbeat(app: BatchApp, health: Health) -> None:
    async def pulse() -> None:
        while not app.should_stop:
            health.heartbeat()
            health.reason = (
                "stopping"
                if app.should_stop
                else "rebalancing"
                if app.rebalancing
                else ""
                if app.task_manager.tasks
                else "no partitions assigned yet"
            )
            await asyncio.sleep(0.25)

    app.task(pulse)


class InstrumentedStore(KafkaCheckpointStore):
    """The store, with its operational figures."""

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__(settings)
        self.health = health

    async def flush(self, partition: PartitionTask, flush: Flush) -> None:
        """Flush and count."""
        began = time.monotonic()
        await super().flush(partition, flush)
        self.health.flushes.inc()
        self.health.flush_seconds.observe(time.monotonic() - began)
        for kind, written in (
            ("state", len(flush.state)),
            ("panes", len(flush.panes)),
            ("dead", len(flush.dead_letters)),
            ("forwards", len(flush.forwards)),
        ):
            self.health.records.labels(kind).inc(written)


class _FaustWorker(faust.Worker):
    """Faust's worker, with a deadline for the drain and without its pauses."""

    def __init__(self, app: BatchApp) -> None:
        loop = asyncio.new_event_loop()
        super().__init__(
            app, loglevel="warn", loop=loop, redirect_stdouts=False, override_logging=False, quiet=True
        )

    def _on_sigterm(self) -> None:
        self._deadline()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._deadline()
        super()._on_sigint()

    def _deadline(self) -> None:
        _stopping.append("signal")
        self.loop.call_later(DRAIN_TIMEOUT, _exit, 1, f"not drained within {DRAIN_TIMEOUT:.0f} s")

    async def _sentinel_task(self) -> None:
        await asyncio.sleep(0)
