"""Following compacted topics for ever: from their beginning, and again from there after an error."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any, ClassVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.unknown_fields import DECODE_ERRORS
from stream.clock import monotonic_ms
from stream.config import Settings
from stream.errors import CxgaugeError
from stream.kafka.admin import check_topics
from stream.kafka.client import running
from stream.kafka.reading import assign, committed_consumer
from stream.kafka.rights import READ
from stream.kafka.topics import TOMBSTONE_RETENTION, topics

log = logging.getLogger(__name__)

MAX_RECORDS = 200
"""Records that are applied between two turns of the event loop, in 1 or 2 ms."""
RETRY_INTERVAL = 30.0
"""Seconds after an error until the topics are read from their beginning."""
REREAD_AFTER = TOMBSTONE_RETENTION // 2
"""Ms without a record of a partition after which everything is read again, in case tombstones were deleted."""


class TopicFollower(ABC):
    """A service beside others, which it never ends: no error leaves `run`."""

    subject: ClassVar[str]
    """Name of the topics in texts."""

    def __init__(self, settings: Settings, names: Collection[str]) -> None:
        self.settings = settings
        self.reason = self._unread = f"the {self.subject} are not read yet"
        """Why not everything is known. Empty if it is."""
        self._names = names
        self._restart = False

    @abstractmethod
    def begin(self) -> None:
        """Forget everything, because the topics are read from their beginning."""

    @abstractmethod
    def apply(self, tp: TopicPartition, record: Any) -> None:
        """Apply a record. May raise `DECODE_ERRORS`."""

    def restart(self) -> None:
        """Read everything from the beginning, because topics were created again."""
        self._restart = True

    async def run(self) -> None:
        """Follow the topics for ever. After an error read them from their beginning."""
        while True:
            try:
                await self._follow()
                continue
            except CxgaugeError as error:
                reason = str(error).replace("\n", "; ")
            except (KafkaError, OSError, TimeoutError) as error:
                reason = f"the {self.subject} cannot be read: {type(error).__name__}"
            except DECODE_ERRORS as error:
                reason = f"a record of the {self.subject} cannot be read: {error}"
            except Exception as error:  # whatever it is, the figures go on
                reason = f"the {self.subject} cannot be read: {type(error).__name__}"
                log.exception("The %s cannot be read", self.subject)
            if reason != self.reason:
                log.warning("Nothing of the %s is served: %s", self.subject, reason)
                self.reason = reason
            await asyncio.sleep(RETRY_INTERVAL)

    async def _follow(self) -> None:
        """Read from the beginning and go on until everything must be read again.

        Raises aiokafka's KafkaError, and PreconditionFailed if topics are missing, different or may not be read.
        """
        await check_readable(self.settings, self._names)
        self.begin()
        self.reason = self.reason or self._unread
        self._restart = False
        tps = partitions(self.settings, self._names)
        async with running(committed_consumer(self.settings.kafka, fetch_bytes=256 << 10)) as consumer:
            ranges = await assign(consumer, tps)
            for tp, span in ranges.items():
                consumer.seek(tp, span.begin)
            unread = {tp: span for tp, span in ranges.items() if span.begin < span.end}
            expected = {tp: span.begin for tp, span in ranges.items()}
            received_at = dict.fromkeys(ranges, monotonic_ms())
            total = sum(span.end - span.begin for span in ranges.values())
            while not self._restart:
                for tp, records in (await consumer.getmany(timeout_ms=200, max_records=MAX_RECORDS)).items():
                    now = monotonic_ms()
                    if records[0].offset < expected[tp] or now - received_at[tp] > REREAD_AFTER:
                        return
                    for record in records:
                        self.apply(tp, record)
                    expected[tp], received_at[tp] = records[-1].offset + 1, now
                unread = {tp: span for tp, span in unread.items() if await consumer.position(tp) < span.end}
                left = sum(span.end - max(span.begin, expected[tp]) for tp, span in unread.items())
                done = 100 * (total - left) // total if total else 100
                self.reason = f"the {self.subject} are being read, {done} % so far" if unread else ""


def partitions(settings: Settings, names: Collection[str]) -> list[TopicPartition]:
    """Return all partitions of topics that have as many as the inputs."""
    numbers = range(settings.topics.partitions)
    return [TopicPartition(name, number) for name in names for number in numbers]


async def check_readable(settings: Settings, names: Collection[str]) -> None:
    """Check that topics of the configuration exist and may be read. Raises PreconditionFailed and aiokafka's KafkaError."""
    wanted = [spec for spec in topics(settings) if spec.name in names]
    await check_topics(settings, wanted, dict.fromkeys(names, READ))
