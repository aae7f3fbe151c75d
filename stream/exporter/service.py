"""The process of `cxgauge exporter`: tasks that read panes, render the exposition and ask for alerts, and a server."""

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from schemas.topics import DOMAINS
from stream import logs
from stream.clock import monotonic_ms, wall_ms
from stream.config import Settings
from stream.errors import ConfigError, TopicsMissing, waiting_for
from stream.exporter.api.endpoint import FiguresEndpoint
from stream.exporter.clock_reader import ClockReader
from stream.exporter.comment_reader import CommentReader
from stream.exporter.http.pages import run_in_slices
from stream.exporter.http.server import serve
from stream.exporter.live.alertmanager import AlertmanagerClient
from stream.exporter.live.broadcaster import Broadcaster
from stream.exporter.live.comments import NOT_KEPT, WITHOUT_USERS, Comments
from stream.exporter.live.incidents import IncidentsEndpoint
from stream.exporter.live.lists import Lists, ListSource
from stream.exporter.reader import PaneReader
from stream.exporter.state import ExporterState
from stream.http.web_config import WebConfig, keep_renewed, read
from stream.kafka.admin import check_topics
from stream.kafka.client import QuietLibrary, certificate_files
from stream.kafka.faults import retry_reason
from stream.kafka.rights import READ, Operation
from stream.kafka.topic_watch import WATCH_INTERVAL, TopicWatch
from stream.kafka.topics import counting_topics, topics
from stream.pacing import Pace
from stream.resources.series import Resources
from stream.starting import listening

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds between two attempts to connect to the broker."""
START_TIMEOUT = 10.0
"""Seconds that an attempt to connect may take."""
CANCEL_TIMEOUT = 6.0
"""Seconds after which a task is cancelled once more. Closing the reader of panes may take almost as long."""
PROCESS_INTERVAL = 5.0
"""Seconds between two reads of the series about the process."""
REMARK_SECONDS = 45.0
"""Seconds for which topics are named that were created again. If no worker accepts them, partitions are not covered by then."""


def run(settings: Settings, list_source: Callable[[Settings], ListSource]) -> int:
    """Serve until SIGTERM or SIGINT and return 0. `list_source` makes the lists that users may read.

    Raises PreconditionFailed if the topics of panes are different or may not be read, and ConfigError.
    """
    path = settings.exporter.web_config
    web = WebConfig() if path is None else read(path)
    logs.set_up(settings.logs.level, settings.logs.format)
    asyncio.run(_Service(settings, web, list_source(settings) if web.users else None).run())
    return 0


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until all have ended. aiokafka can lose a cancellation, for example of a client that starts."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_TIMEOUT)
    await asyncio.gather(*tasks, return_exceptions=True)  # so that asyncio logs no error of the end


class _Service:
    """The tasks and the HTTP server of an exporter."""

    def __init__(self, settings: Settings, web: WebConfig, list_source: ListSource | None) -> None:
        self.settings = settings
        self.web = web
        self.exporter = ExporterState(settings)
        self._lists = Lists(self.exporter, list_source, self._present)
        off = NOT_KEPT if not settings.comments.keep else "" if web.users else WITHOUT_USERS
        reader = None if off else CommentReader(settings)
        self._comments = Comments(self.exporter, reader, off, self._present)
        self._followers = [follower for follower in (list_source, reader) if follower is not None]
        """Readers for users, beside the figures."""
        self.broadcaster = Broadcaster(self.exporter, AlertmanagerClient(settings.exporter.alertmanager))
        self.error = "starting"
        self.problem = ""
        """The topics that are missing or were created again, empty if there are none."""
        self._recreated, self._recreated_until = "", 0.0
        """A remark on topics that were created again, and the end of its time in seconds of the monotonic clock."""
        self._reader = PaneReader(settings)
        self._connected = asyncio.Event()
        """Set while panes are read."""
        self._reread = False
        """True if panes were created again and must be read from their beginning."""
        self.stop = asyncio.Event()
        self._busy = asyncio.Lock()
        """Held while the state is changed or rendered, because both work in steps."""
        self._pace = Pace(settings.exporter.refresh_interval / 1000)
        listen = settings.exporter.listen
        self.exporter.clock.name = f"exporter {socket.gethostname()}:{listen.port}"
        self._last_logged = ""
        self._logged_clocks: list[str] = []
        """Keys of the notes about clocks that were logged last."""
        self._gc_tuned = False
        self._process = CollectorRegistry()
        self._resources = Resources(
            [*certificate_files(settings.kafka), *web.certificates], settings.exporter.folders
        )
        self._process.register(self._resources)
        ProcessCollector(registry=self._process)

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
                [
                    *self.broadcaster.routes(),
                    *self._lists.routes(),
                    *self._comments.routes(),
                    *IncidentsEndpoint(self.exporter).routes(),
                ],
                [self.broadcaster.close],
                self.web,
                self.exporter.settings.exporter.hosts,
                FiguresEndpoint(self.exporter, self._busy).routes,
            )
        except OSError as error:
            raise ConfigError(f"exporter.listen: got {str(address)!r}: {error.strerror}") from error
        listening(log, address)
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._read(),
                self._watch_topics(),
                self._watch_process(),
                self._refresh(),
                keep_renewed(self.web),
                ClockReader(self.settings, self.exporter.clock).run(),
                self.broadcaster.poll_alerts(),
                self.stop.wait(),
                *(follower.run() for follower in self._followers),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _end(tasks)
            await runner.cleanup()

    def _present(self) -> tuple[int, int]:
        now = monotonic_ms()
        return now, self.exporter.clock.read(now, wall_ms())

    def _state(self) -> tuple[str, str]:
        now = monotonic_ms()
        return self._error or self.exporter.unready_reason(now), self.exporter.notes(now)

    @property
    def _error(self) -> str:
        return self.error or self.problem

    async def _read(self) -> None:
        """Read the panes for ever. Connect again after an outage of the broker, during which domains become stale.

        Raises PreconditionFailed for a missing right, and ConfigError if the broker refuses the login.
        """
        reader = self._reader
        while True:
            reason = ""
            try:
                with QuietLibrary():
                    async with asyncio.timeout(START_TIMEOUT):
                        await self._check_topics()
                        await reader.start()
                self.error = ""
                self._connected.set()
                self._reread = False
                while not self._reread:
                    for batch in await reader.read(100, monotonic_ms()):
                        if batch.error:
                            log.error(batch.error)
                        async with self._busy:
                            now = monotonic_ms()
                            present = self.exporter.clock.read(now, wall_ms())
                            await run_in_slices(self.exporter.apply(batch, monotonic_ms=now, wall_ms=present))
                        if batch.has_panes:
                            self._pace.note_change()
            except TopicsMissing as error:
                reason = error.waiting
            except (KafkaError, OSError, TimeoutError) as error:
                reason = await retry_reason(self.settings.kafka, error, [Operation.READ])
            finally:
                self._connected.clear()
                await reader.stop()
            if reason:
                if reason != self.error:
                    self.error = reason
                    log.warning(reason)
                await asyncio.sleep(RETRY_INTERVAL)

    async def _check_topics(self) -> None:
        panes = self._panes()
        wanted = [spec for spec in topics(self.settings) if spec.name in panes]
        await check_topics(self.settings, wanted, dict.fromkeys(panes, READ))

    def _panes(self) -> list[str]:
        return [self.settings.topics.panes(domain) for domain in DOMAINS]

    async def _watch_topics(self) -> None:
        """Note missing topics, and read panes from their beginning that were created again.

        The principal of an exporter need not see other topics than panes. Without the others no figure is complete.
        """
        panes = self._panes()
        names = [spec.name for spec in counting_topics(self.settings)]
        watch = TopicWatch(self.settings.kafka, names, dict.fromkeys(panes, READ))
        while True:
            await self._connected.wait()
            findings = await watch.compare()
            if findings is not None:
                # an exporter may have been configured without the names of the inputs
                missing = [name for name in findings.missing if name in panes or watch.has_seen(name)]
                self._note(missing, findings.recreated)
                if recreated := [name for name in findings.recreated if name in panes]:
                    await self._begin_again(recreated)
                if findings.recreated:
                    for follower in self._followers:
                        follower.restart()
            await asyncio.sleep(WATCH_INTERVAL)

    def _note(self, missing: Sequence[str], recreated: Sequence[str]) -> None:
        """Set `problem`, and log it when it changes."""
        if recreated:
            self._recreated_until = time.monotonic() + REMARK_SECONDS
            self._recreated = f"topics were deleted and created again: {', '.join(recreated)}"
        remark = self._recreated if time.monotonic() < self._recreated_until else ""
        problem = waiting_for(missing) if missing else remark
        if problem != self.problem:
            self.problem = problem
            # not as an argument: the log shows messages of one template only once in ten seconds
            log.error(problem) if problem else log.info("all topics exist")

    async def _begin_again(self, panes: list[str]) -> None:
        """Read topics of panes from their beginning. Their partitions are not covered until then."""
        partitions = self._reader.forget(panes)
        self._reread = True
        async with self._busy:
            for partition in partitions:
                self.exporter.coverage.forget(partition)

    async def _watch_process(self) -> None:
        """Read the series about this process, for the next refresh, and what is scarce."""
        while True:
            self.exporter.process, self.exporter.remarks = await asyncio.to_thread(self._inspect)
            await asyncio.sleep(PROCESS_INTERVAL)

    def _inspect(self) -> tuple[str, tuple[str, ...]]:
        remarks = self._resources.remarks(wall_ms() / 1000)
        return generate_latest(self._process).decode(), tuple(remarks)

    async def _refresh(self) -> None:
        """Render the exposition for ever: soon after a change, and at the refresh interval.

        Pages are updated at the interval only, because people read them.
        """
        updated_at = 0
        async for _ in self._pace.turns():
            async with self._busy:
                now = monotonic_ms()
                present = self.exporter.clock.read(now, wall_ms())
                await self._pace.measured(run_in_slices(self.exporter.refresh(now, present)))
                if now - updated_at >= self.settings.exporter.refresh_interval:
                    updated_at = now
                    await run_in_slices(
                        self.broadcaster.update(monotonic_ms=now, wall_ms=present, error=self._error)
                    )
            self._log_changes()
            if not self._gc_tuned and not self.exporter.unready_reason(monotonic_ms()):
                self._gc_tuned = True
                tune_gc()

    def _log_changes(self) -> None:
        """Log the reason and note of /readyz when the kind of reason changes."""
        self._log_clocks()
        reason, note = self._state()[0], self.exporter.filling_windows()
        message = "; ".join(text for text in (reason, note) if text) or "complete"
        kind = message.partition(":")[0]
        if kind != self._last_logged:
            self._last_logged = kind
            log.info(message)

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
