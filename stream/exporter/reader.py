"""Reading every partition of the panes, from the beginning and on."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.config import DOMAINS, Settings, client_options
from stream.exporter.coverage import Place


class Batch(NamedTuple):
    """Records of a partition; `live` unless they were there before the exporter began."""

    place: Place
    records: list[Any]
    live: bool


class Reader:
    """A consumer of all panes, read committed, without a group."""

    def __init__(self, settings: Settings) -> None:
        self._places = {
            TopicPartition(settings.topics.panes(domain), n): Place(domain, n)
            for domain in DOMAINS
            for n in range(settings.topics.partitions)
        }
        self._options = client_options(settings.kafka)
        self._ends: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Go to the beginning of every partition. Raises aiokafka's KafkaError when no broker answers."""
        consumer = AIOKafkaConsumer(
            **self._options,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=1 << 20,
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        self._consumer = consumer
        tps = list(self._places)
        consumer.assign(tps)
        begin = await consumer.beginning_offsets(tps)
        self._ends = await consumer.end_offsets(tps)
        for tp in tps:  # not seek_to_beginning: a reset in flight could throw it to the end
            consumer.seek(tp, begin[tp])

    async def read(self, timeout_ms: int) -> Iterator[Batch]:
        """What has come."""
        assert self._consumer is not None  # noqa: S101  (for the type checker)
        got = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=10_000)
        return (
            Batch(self._places[tp], records, records[-1].offset >= self._ends[tp])
            for tp, records in got.items()
        )

    async def stop(self) -> None:
        """Let go."""
        if self._consumer is not None:
            with suppress(KafkaError):
                await self._consumer.stop()
