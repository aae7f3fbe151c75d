"""The worker process: check the broker, count until SIGTERM, flush."""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import faust
from aiokafka.errors import IllegalOperation, KafkaError

from stream import logs
from stream.config import Settings
from stream.config.settings import Kafka
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.task import Flush, PartitionTask
from stream.ending import end, restart
from stream.errors import ConfigError, Fenced
from stream.kafka.client import certificate_files
from stream.kafka.faults import final_error, is_fenced, is_transient
from stream.kafka.rights import Operation
from stream.kafka.topic_watch import WATCH_INTERVAL
from stream.resources.memory import memory as available_memory
from stream.starting import listening
from stream.worker import memory
from stream.worker.app import build
from stream.worker.checkpoint_writer import KafkaCheckpointStore
from stream.worker.clock import WorkerClock
from stream.worker.clock_writer import ClockWriter
from stream.worker.health import Health, serve
from stream.worker.startup import prepare
from stream.worker.state_dir import open_state_dir
from stream.worker.topic_guard import RestartNeededError, TopicGuard
from stream.worker.transport import BatchApp

if TYPE_CHECKING:
    from stream.worker.disk.local_state import LocalState

log = logging.getLogger(__name__)

DRAIN_TIMEOUT = 10.0
"""Seconds from SIGTERM after which the process exits without having flushed, for example without a broker."""


def run(settings: Settings) -> int:
    """Count until SIGTERM or SIGINT, and return the exit code.

    Memory that may differ from the stored state is discarded, never repaired. After an outage of the broker
    the process restarts itself. It exits with 3 if another worker took over, 4 if topics or state are
    refused, 1 on other errors.
    """
    logs.set_up(settings.logs.level, settings.logs.format)
    state_dir = settings.worker.state_dir
    health = Health(certificate_files(settings.kafka), () if state_dir is None else (state_dir,))
    try:
        server = serve(health, settings.worker.listen)
    except OSError as error:
        raise ConfigError(f"worker.listen: got {str(settings.worker.listen)!r}: {error.strerror}") from error
    listening(log, settings.worker.listen)
    _stop_before_start()
    described = asyncio.run(prepare(settings, health))
    health.reason = "no partitions assigned yet"
    clock = WorkerClock()
    fail_fast = partial(_fail_fast, settings.kafka)
    try:
        local = open_state_dir(settings, described, clock.wall_ms)
    except (KafkaError, OSError, TimeoutError) as error:
        fail_fast(error)
    store = InstrumentedStore(settings, health, clock.stamp, local)
    app = build(settings, store, clock.wall_ms, fail_fast)
    health.watch(app.task_manager, clock)
    if local is not None:
        app.task_manager.is_full = local.is_full
        health.watch_disk(local)
    else:
        _add_memory_watch(app)
    app.task(partial(ClockWriter(settings, clock).run, app))
    guard = TopicGuard(settings, described, app.task_manager)
    _add_guard(app, guard, fail_fast)
    _add_heartbeat(app, health, guard)
    _tune_gc()
    code: object = 0
    try:
        _FaustWorker(app).execute_from_commandline()
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        server.shutdown()
    return code if isinstance(code, int) else 1


_stopping: list[str] = []
"""Not empty after SIGTERM or SIGINT. A failing broker then ends the process instead of restarting it."""


def _stop_before_start() -> None:
    """Exit at once on a signal until Faust installs its handlers, because there is no state to flush yet."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def _fail_fast(kafka: Kafka, error: BaseException) -> NoReturn:
    """End the process at once, without a flush that could write wrong state."""
    if is_fenced(error):
        end("worker", Fenced.exit_code, "fenced: another worker has taken over a partition of this one")
    if (fault := final_error(kafka, error, [Operation.READ])) is not None:
        end("worker", fault.exit_code, str(fault))
    if isinstance(error, _RESTARTING) and not _stopping:
        log.warning("%s; restarting from the last checkpoint", _restart_reason(error))
        restart()
    log.error("Unexpected error", exc_info=error)
    end("worker", 1, repr(error))


_RESTARTING = (KafkaError, IllegalOperation, OSError, TimeoutError, RestartNeededError)
"""After these errors the checks of the start find what is wrong, and wait until it is mended."""


def _restart_reason(error: BaseException) -> str:
    if isinstance(error, RestartNeededError):
        return str(error)
    if isinstance(error, IllegalOperation) or not is_transient(error):
        return f"Kafka refused a request ({error!r})"
    return f"Lost connection to Kafka ({error!r})"


def _tune_gc() -> None:
    """Make garbage collections rare, because they scan all fetched records and free almost nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 1_000, 1_000)


def _add_guard(app: BatchApp, guard: TopicGuard, fail_fast: Callable[[BaseException], None]) -> None:
    async def watch_topics() -> None:
        try:
            while not app.should_stop:
                await asyncio.sleep(WATCH_INTERVAL)
                await guard.inspect()
        except Exception as error:  # noqa: BLE001 - every failure ends the process
            fail_fast(error)
        finally:
            await guard.close()

    app.task(watch_topics)


def _add_heartbeat(app: BatchApp, health: Health, guard: TopicGuard) -> None:
    async def heartbeat() -> None:
        while not app.should_stop:
            health.heartbeat()
            health.reason = _unready_reason(app, guard)
            await asyncio.sleep(0.25)

    app.task(heartbeat)


def _add_memory_watch(app: BatchApp) -> None:
    async def watch_memory() -> None:
        advised = False
        while not app.should_stop and not advised:
            await asyncio.sleep(memory.INTERVAL)
            scarcest = available_memory()
            limit = None if scarcest is None else scarcest.limit
            if text := memory.advice(memory.resident(), limit):
                advised = True
                log.warning(text)

    app.task(watch_memory)


def _unready_reason(app: BatchApp, guard: TopicGuard) -> str:
    if app.should_stop:
        return "stopping"
    if guard.problem:
        return guard.problem
    if app.rebalancing:
        return "rebalancing"
    return "" if app.task_manager.tasks else "no partitions assigned yet"


class InstrumentedStore(KafkaCheckpointStore):
    """A store that records operational metrics of its flushes."""

    def __init__(
        self, settings: Settings, health: Health, stamp: Callable[[], int], local: "LocalState | None"
    ) -> None:
        super().__init__(settings, stamp, local)
        self.health = health

    async def rebuild(
        self, partition: PartitionTask, slices: Iterable[RebuiltSlice], prepare: Callable[[], Flush]
    ) -> None:
        """Write a rebuild, and record the number of records."""
        await super().rebuild(partition, map(self._recorded, slices), prepare)

    def _recorded(self, part: RebuiltSlice) -> RebuiltSlice:
        self.health.records.labels("state").inc(len(part.state))
        self.health.records.labels("forwards").inc(len(part.forwards))
        return part

    async def flush(self, partition: PartitionTask, flush: Flush, *, begun: bool = False) -> None:
        """Flush, and record the duration and the number of records."""
        began = time.monotonic()
        await super().flush(partition, flush, begun=begun)
        self.health.flushes.inc()
        self.health.flush_seconds.observe(time.monotonic() - began)
        for kind, written in (
            ("state", len(flush.state)),
            ("panes", len(flush.panes)),
            ("dead", len(flush.dead_letters)),
            ("forwards", len(flush.forwards)),
            ("comments", len(flush.comments)),
        ):
            self.health.records.labels(kind).inc(written)


class _FaustWorker(faust.Worker):
    """Faust's worker with a deadline for the last flush and without its pauses."""

    def __init__(self, app: BatchApp) -> None:
        loop = asyncio.new_event_loop()
        super().__init__(
            app, loglevel="warn", loop=loop, redirect_stdouts=False, override_logging=False, quiet=True
        )
        self.spinner = None  # it writes control characters, to a file too

    def _on_sigterm(self) -> None:
        self._deadline()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._deadline()
        super()._on_sigint()

    def _deadline(self) -> None:
        _stopping.append("signal")
        self.loop.call_later(
            DRAIN_TIMEOUT,
            end,
            "worker",
            1,
            f"not flushed within {DRAIN_TIMEOUT:.0f} s after the signal to stop",
        )

    async def _sentinel_task(self) -> None:
        await asyncio.sleep(0)
