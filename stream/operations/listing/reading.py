"""Readers of the state topics that have lists: once, for a command, or for ever, for an exporter.

The whole state must be read once, because compacted topics have no index: some 10 s of a core for a million tickets. After
that an exporter answers from memory. It does not end for any reason here, because its figures do not need the lists.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import DomainName
from schemas.unknown_fields import DECODE_ERRORS
from stream.clock import monotonic_ms
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.model.listing import LeavingRow, Listing, TicketListName, TicketRow, Wanted
from stream.core.model.time_buckets import Window
from stream.errors import CxgaugeError
from stream.kafka.admin import check_topics
from stream.kafka.client import running
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.kafka.rights import READ
from stream.kafka.topics import TOMBSTONE_RETENTION, topics
from stream.operations.listing.index import ListIndex

log = logging.getLogger(__name__)

LISTED: tuple[DomainName, ...] = ("tickets", "customers")
"""The domains that have lists."""
MAX_RECORDS = 200
"""Records that an exporter applies between two turns of its event loop, in 1 or 2 ms."""
RETRY_INTERVAL = 30.0
"""Seconds after an error until the state is read from its beginning."""
REREAD_AFTER = TOMBSTONE_RETENTION // 2
"""Ms without a record of a partition after which everything is read again, in case tombstones were deleted."""


async def read_index(settings: Settings, domain: DomainName) -> ListIndex:
    """Read the state of a domain up to its last stable offset.

    Raises aiokafka's KafkaError, and PreconditionFailed if the topic is missing, different or may not be read.
    """
    index = ListIndex(aggregation_config(settings))
    await _check(settings, [domain])
    async with running(committed_consumer(settings.kafka)) as consumer:
        ranges = await assign(consumer, _partitions(settings, [domain]))
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                index.apply(domain, tp.partition, record.key, record.value)
    return index


class ListFollower:
    """The lists of an exporter: an index that follows the state topics."""

    def __init__(self, settings: Settings) -> None:
        self.reason = "the state topics are not read yet"
        """Why there are no lists. Empty if there are."""
        self._settings = settings
        self._domains = {settings.topics.state(domain): domain for domain in LISTED}
        self._index = ListIndex(aggregation_config(settings))
        self._restart = False

    def tickets(
        self, name: TicketListName, window: Window, now: int, most: int, wanted: Wanted
    ) -> Callable[[], Listing[TicketRow]]:
        """Return a function that lists tickets, as `ListIndex.tickets` does."""
        return self._index.tickets(name, window, now, most, wanted)

    def leaving(self, window: Window, now: int, most: int) -> Callable[[], Listing[LeavingRow]]:
        """Return a function that lists customers, as `ListIndex.leaving` does."""
        return self._index.leaving(window, now, most)

    def restart(self) -> None:
        """Read everything from the beginning, because topics were created again."""
        self._restart = True

    async def run(self) -> None:
        """Follow the state for ever. After an error read it from its beginning."""
        while True:
            try:
                await self._follow()
                continue
            except CxgaugeError as error:
                reason = str(error).replace("\n", "; ")
            except (KafkaError, OSError, TimeoutError) as error:
                reason = f"the state topics cannot be read: {type(error).__name__}"
            except DECODE_ERRORS as error:
                reason = f"a record of the state topics cannot be read: {error}"
            except Exception as error:  # the lists are shown beside the figures, and must not end them
                reason = f"the state topics cannot be read: {type(error).__name__}"
                log.exception("The lists of tickets and customers cannot be shown")
            if reason != self.reason:
                log.warning("Lists of tickets and customers are not served: %s", reason)
                self.reason = reason
            await asyncio.sleep(RETRY_INTERVAL)

    async def _follow(self) -> None:
        """Read from the beginning and go on until everything must be read again. Raises as `read_index` does."""
        settings = self._settings
        await _check(settings, LISTED)
        self._index, self._restart = ListIndex(aggregation_config(settings)), False
        async with running(committed_consumer(settings.kafka, fetch_bytes=256 << 10)) as consumer:
            ranges = await assign(consumer, _partitions(settings, LISTED))
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
                    self._apply(tp, records)
                    expected[tp], received_at[tp] = records[-1].offset + 1, now
                unread = {tp: span for tp, span in unread.items() if await consumer.position(tp) < span.end}
                left = sum(span.end - max(span.begin, expected[tp]) for tp, span in unread.items())
                done = 100 * (total - left) // total if total else 100
                self.reason = f"the state topics are being read, {done} % so far" if unread else ""

    def _apply(self, tp: TopicPartition, records: Sequence[Any]) -> None:
        domain = self._domains[tp.topic]
        for record in records:
            self._index.apply(domain, tp.partition, record.key, record.value)


def _partitions(settings: Settings, domains: Collection[DomainName]) -> list[TopicPartition]:
    numbers = range(settings.topics.partitions)
    return [TopicPartition(settings.topics.state(domain), number) for domain in domains for number in numbers]


async def _check(settings: Settings, domains: Collection[DomainName]) -> None:
    names = [settings.topics.state(domain) for domain in domains]
    wanted = [spec for spec in topics(settings) if spec.name in names]
    await check_topics(settings, wanted, dict.fromkeys(names, READ))
