"""The task that writes this worker's clock record every minute, and learns the broker's time from the answer."""

import asyncio
import logging
import socket

from aiokafka import AIOKafkaProducer

from schemas.topics import DOMAINS
from stream.clock import monotonic_ms
from stream.config import Settings
from stream.core.model.clock_record import ClockRecord, encode
from stream.kafka.admin import existing_topics
from stream.kafka.client import client_options, stop_within
from stream.worker.clock import WorkerClock
from stream.worker.transport import BatchApp

log = logging.getLogger(__name__)

INTERVAL = 60_000
"""Ms between two records."""
CHECK_INTERVAL = 1.0
"""Seconds between two checks whether a record is due."""
STOP_TIMEOUT = 2.0
"""Seconds that closing the producer may take."""
LOG_APPEND_TIME = 1
"""The timestamp type of a record that has the broker's time."""


def worker_name(settings: Settings) -> str:
    """Return the name of this worker: its instance, or host and port of its health endpoint."""
    return settings.worker.instance or f"{socket.gethostname()}:{settings.worker.listen.port}"


class ClockWriter:
    """Writes records to the clock topic. Counting does not depend on it, so failures are logged and it tries again."""

    def __init__(self, settings: Settings, clock: WorkerClock) -> None:
        self._settings = settings
        self._clock = clock
        self._topic = settings.topics.clock
        self._producer: AIOKafkaProducer | None = None
        self._written: tuple[dict[str, list[int]], int] | None = None
        """The partitions of the last record, and when it was written by the monotonic clock. None before the first."""
        self._logged: list[str] = []

    async def run(self, app: BatchApp) -> None:
        """Write records until the app stops: every minute, when partitions change, and to have a jump confirmed."""
        try:
            while not app.should_stop:
                self._clock.wall_ms()  # so that a jump is noticed without events, too
                await self._write_if_due(self._owned(app))
                self._log_changes()
                await asyncio.sleep(CHECK_INTERVAL)
        finally:
            await self._close()

    def _owned(self, app: BatchApp) -> dict[str, list[int]]:
        """Return the owned partitions by domain."""
        owned: dict[str, list[int]] = {domain: [] for domain in DOMAINS}
        for task in list(app.task_manager.tasks.values()):
            owned[task.task.domain.name].append(task.task.number)
        return {domain: sorted(numbers) for domain, numbers in owned.items() if numbers}

    async def _write_if_due(self, owned: dict[str, list[int]]) -> None:
        now = monotonic_ms()
        interval = 0 if self._clock.has_jumped else INTERVAL
        if self._written is not None and self._written[0] == owned and now - self._written[1] < interval:
            return
        self._written = owned, now  # also after a failure, which is repeated in a minute
        try:
            await self._write(owned)
        except Exception as error:  # noqa: BLE001 - counting does not depend on the record
            await self._close()
            log.warning("The clock record cannot be written to %s: %r", self._topic, error)

    async def _write(self, owned: dict[str, list[int]]) -> None:
        """Write a record. Raises aiokafka's KafkaError."""
        producer = await self._connected()
        if producer is None:
            log.warning("Topic %s is missing: the broker's clock is not compared", self._topic)
            return
        record = ClockRecord(
            worker=worker_name(self._settings), written_at=self._clock.wall_ms(), partitions=owned
        )
        answer = await producer.send_and_wait(self._topic, encode(record), partition=0)
        if answer.timestamp_type == LOG_APPEND_TIME:
            self._clock.set_broker(answer.timestamp)

    async def _connected(self) -> AIOKafkaProducer | None:
        """Return a connected producer, None if the topic is missing. Sending to it could create it."""
        if self._producer is None:
            if self._topic not in await existing_topics(self._settings):
                return None
            producer = AIOKafkaProducer(
                **client_options(self._settings.kafka), acks=1, request_timeout_ms=10_000
            )
            self._producer = producer
            await producer.start()
        return self._producer

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_within(producer, STOP_TIMEOUT)

    def _log_changes(self) -> None:
        """Log the notes about the clock when they change, apart from the size of differences."""
        notes = dict(self._clock.notes())
        if list(notes) != self._logged:
            self._logged = list(notes)
            # formatted here, because the log shows messages of one template only once in ten seconds
            text = "; ".join(notes.values()) or "clock of this worker: nothing to report any more"
            log.warning(text)
