"""Readers of the state topics that have lists: once, for a command, or for ever, for an exporter.

The whole state must be read once, because compacted topics have no index: some 10 s of a core for a million tickets. After
that an exporter answers from memory.
"""

from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition

from schemas.topics import DomainName
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.model.listing import LeavingRow, Listing, TicketListName, TicketRow, Wanted
from stream.core.model.time_buckets import Window
from stream.kafka.client import running
from stream.kafka.following import TopicFollower, check_readable, partitions
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.operations.listing.index import PREFIXES, ListIndex


async def read_index(settings: Settings, domain: DomainName) -> ListIndex:
    """Read the state of a domain up to its last stable offset.

    Raises aiokafka's KafkaError, and PreconditionFailed if the topic is missing, different or may not be read.
    """
    index, names = ListIndex(aggregation_config(settings)), [settings.topics.state(domain)]
    await check_readable(settings, names)
    async with running(committed_consumer(settings.kafka)) as consumer:
        ranges = await assign(consumer, partitions(settings, names))
        async for tp, records in read_ranges(consumer, ranges):
            for record in records:
                index.apply(domain, tp.partition, record.key, record.value)
    return index


class ListFollower(TopicFollower):
    """The lists of an exporter: an index that follows the state topics."""

    subject = "state topics"

    def __init__(self, settings: Settings) -> None:
        self._domains = {settings.topics.state(domain): domain for domain in PREFIXES}
        super().__init__(settings, self._domains)
        self.begin()

    def begin(self) -> None:
        """Begin an empty index."""
        self._index = ListIndex(aggregation_config(self.settings))

    def apply(self, tp: TopicPartition, record: Any) -> None:
        """Apply a record to the index."""
        self._index.apply(self._domains[tp.topic], tp.partition, record.key, record.value)

    def tickets(
        self, name: TicketListName, window: Window, now: int, most: int, wanted: Wanted
    ) -> Callable[[], Listing[TicketRow]]:
        """Return a function that lists tickets, as `ListIndex.tickets` does."""
        return self._index.tickets(name, window, now, most, wanted)

    def leaving(self, window: Window, now: int, most: int) -> Callable[[], Listing[LeavingRow]]:
        """Return a function that lists customers, as `ListIndex.leaving` does."""
        return self._index.leaving(window, now, most)
