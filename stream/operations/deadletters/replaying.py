"""Replaying dead letters to their source topics."""

import asyncio
from collections import Counter
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from schemas.codec import Decoder, Undecodable
from schemas.topics import DOMAINS, TOPICS
from stream.config import Settings
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.importing.sending import MAX_IN_FLIGHT, describe_inputs
from stream.kafka.client import client_options
from stream.kafka.rights import CHECK, WRITE
from stream.operations.deadletters.dead_letter import DeadLetter, Filter
from stream.operations.deadletters.reading import read_all

OVERSIZED = "oversized, so the value was cut"
NOT_ON_TIME = "future or late; --rejudge replays them as of now"
UNKNOWN_TOPIC = "of a webhook or a bridge: send it once more from where it came"
_DOMAINS = {topic.name: topic.domain for topic in TOPICS.values()}
_DECODERS = {topic.domain: Decoder(topic) for topic in TOPICS.values()}


class ReplayCounts(Counter[str]):
    """The number of replayed dead letters (`sent`), and those of others by the reason."""

    still_unreadable = 0
    """Replayed dead letters that this version cannot read either."""


def to_replay(dead_letter: DeadLetter, *, rejudge: bool) -> OutgoingRecord | str:
    """Return the record that replays a dead letter, or the reason why it is not replayed.

    The record's timestamp is the present, so that Kafka keeps it. A header has the first timestamp, by which
    it is classified. With `rejudge` a future or late record goes without that header and is classified as of
    now.
    """
    domain = _DOMAINS.get(dead_letter.topic)
    if domain is None:
        return UNKNOWN_TOPIC
    if dead_letter.reason == "oversized":
        return OVERSIZED
    not_on_time = dead_letter.reason in ("future", "late")
    if not_on_time and not rejudge:
        return NOT_ON_TIME
    headers = dead_letter.original_headers
    first_timestamp = dead_letter.header_text("cx_timestamp")
    if first_timestamp and not not_on_time:
        headers.append(("cx_timestamp", first_timestamp.encode()))
    return OutgoingRecord(domain, None, dead_letter.key, dead_letter.value, None, headers)


def is_readable(record: OutgoingRecord) -> bool:
    """Return whether a worker of this version can decode a record."""
    try:
        _DECODERS[record.domain].decode(record.value, record.headers)
    except Undecodable:
        return False
    return True


async def replay(settings: Settings, wanted: Filter, *, rejudge: bool, dry_run: bool) -> ReplayCounts:
    """Replay matching dead letters, or only count them with `dry_run`. Raises aiokafka's KafkaError.

    A dead letter that is replayed again is a duplicate by its deduplication key.
    """
    counts = ReplayCounts()
    await describe_inputs(settings, CHECK if dry_run else WRITE)
    async with _ReplaySender(settings, dry_run=dry_run) as sender:
        async for dead_letter in read_all(settings):
            if not wanted.matches(dead_letter):
                continue
            record = to_replay(dead_letter, rejudge=rejudge)
            if isinstance(record, str):
                counts[record] += 1
                continue
            counts["sent"] += 1
            counts.still_unreadable += not is_readable(record)
            await sender.send(record)
    return counts


class _ReplaySender:
    """An idempotent producer that sends nothing with `dry_run`."""

    def __init__(self, settings: Settings, *, dry_run: bool) -> None:
        self._topics: dict[str, str] = {domain: settings.topics.input(domain) for domain in DOMAINS}
        self._options = {**client_options(settings.kafka), "enable_idempotence": True}
        self._producer: AIOKafkaProducer | None = None
        self._dry = dry_run
        self._pending: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        if not self._dry:
            self._producer = AIOKafkaProducer(**self._options)
            try:
                await self._producer.start()
            except BaseException:
                await self._producer.stop()
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._producer is not None:
            try:
                await self._drain()
            finally:
                await self._producer.stop()

    async def send(self, record: OutgoingRecord) -> None:
        """Send a record. Wait for all pending ones once `MAX_IN_FLIGHT` are pending."""
        if self._producer is None:
            return
        topic = self._topics[record.domain]
        future = await self._producer.send(topic, record.value, key=record.key, headers=record.headers)
        self._pending.append(future)
        if len(self._pending) >= MAX_IN_FLIGHT:
            await self._drain()

    async def _drain(self) -> None:
        pending, self._pending = self._pending, []
        await asyncio.gather(*pending)
