"""A consumer of the clock topic: the names of workers and the time of the broker."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from stream.clock import monotonic_ms
from stream.config import Settings
from stream.core.model.clock_record import decode
from stream.exporter.clocks import ExporterClock
from stream.kafka.admin import existing_topics
from stream.kafka.client import QuietLibrary, client_options, stop_within

log = logging.getLogger(__name__)

TAIL = 100
"""Records before the end that are read at the start, because they name the workers."""
RETRY_INTERVAL = 15.0
"""Seconds between two attempts to read the topic."""
POLL_TIMEOUT = 1_000
"""Ms that a read waits for records."""
STOP_TIMEOUT = 2.0
"""Seconds that closing the consumer may take."""
MAX_POLL_AGE = 5_000
"""Ms since the last answer of the broker after which the next records may be old."""


class ClockReader:
    """Reads the clock topic for ever. Without the topic, or the right to read it, clocks are compared without the broker's."""

    def __init__(self, settings: Settings, clock: ExporterClock) -> None:
        self._settings = settings
        self._clock = clock
        self._tp = TopicPartition(settings.topics.clock, 0)

    async def run(self) -> None:
        """Read, and try again after an error. No error ends it."""
        while True:
            try:
                if self._tp.topic in await existing_topics(self._settings):
                    await self._follow()
                error = f"topic {self._tp.topic} is missing"
            except (KafkaConnectionError, OSError, TimeoutError):
                error = ""  # the reader of the panes reports a broker that does not answer
            except KafkaError as failure:
                error = f"topic {self._tp.topic} cannot be read: {type(failure).__name__}"
            except Exception as failure:  # clocks are compared beside the figures, and must not end them
                error = f"topic {self._tp.topic} cannot be read: {type(failure).__name__}"
                log.exception("The clock topic cannot be read")
            self._clock.error = error
            await asyncio.sleep(RETRY_INTERVAL)

    async def _follow(self) -> None:
        """Read for ever. Only records written meanwhile show the broker's present time. Raises KafkaError."""
        consumer = _consumer(self._settings)
        try:
            with QuietLibrary():
                await consumer.start()
            consumer.assign([self._tp])
            begin = (await consumer.beginning_offsets([self._tp]))[self._tp]
            end = (await consumer.end_offsets([self._tp]))[self._tp]
            consumer.seek(self._tp, max(begin, end - TAIL))
            answer, answered_at = None, monotonic_ms()
            while True:
                fetched = await consumer.getmany(self._tp, timeout_ms=POLL_TIMEOUT)
                self._clock.error = ""
                now = monotonic_ms()
                is_recent = now - answered_at < MAX_POLL_AGE
                self._record(fetched.get(self._tp, []), now, end if is_recent else None)
                if (newest := consumer.last_poll_timestamp(self._tp)) != answer:
                    answer, answered_at = newest, now
        finally:
            # not `running`, which waits for the broker without a limit
            await stop_within(consumer, STOP_TIMEOUT)

    def _record(self, records: Sequence[Any], now: int, live_from: int | None) -> None:
        """Take the names from records, and the broker's time from those at or after `live_from`, None for no record."""
        for record in records:
            if (clock_record := decode(record.value)) is None:
                continue
            self._clock.record_worker(clock_record)
            if live_from is not None and record.offset >= live_from and record.timestamp_type == 1:
                self._clock.record_broker(record.timestamp, now)


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    """Build a consumer without a group. The caller starts it."""
    return AIOKafkaConsumer(
        **client_options(settings.kafka),
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
