"""Putting dead letters back where they came from."""

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
from stream.operations.deadletters.dead_letter import DeadLetter, Filter
from stream.operations.deadletters.reading import read_all

OVERSIZED = "oversized: cut when they were buried"
UNTIMELY = "future or late: only with --rejudge, as of now"
FOREIGN = "their header names no known topic"
_DOMAINS = {topic.name: topic.domain for topic in TOPICS.values()}
_DECODERS = {topic.domain: Decoder(topic) for topic in TOPICS.values()}


class Replayed(Counter[str]):
    """How many letters were put back (`sent`), and why others were not."""

    refused = 0
    """Of those put back: how many this version cannot read any better than the one that buried them."""


def refusal_reason(letter: DeadLetter, *, rejudge: bool) -> OutgoingRecord | str:
    """The record that a letter goes back as, or why it does not.

    It is stamped with the present, so that it is kept, and judged by its first timestamp; when judged anew, as of now.
    """
    domain = _DOMAINS.get(letter.topic)
    if domain is None:
        return FOREIGN
    if letter.reason == "oversized":
        return OVERSIZED
    untimely = letter.reason in ("future", "late")
    if untimely and not rejudge:
        return UNTIMELY
    headers = letter.own_headers
    first = letter.header_text("cx_timestamp")
    if first and not untimely:
        headers.append(("cx_timestamp", first.encode()))
    return OutgoingRecord(domain, None, letter.key, letter.value, None, headers)


def readable(letter: OutgoingRecord) -> bool:
    """Whether a worker of this version can read it."""
    try:
        _DECODERS[letter.domain].decode(letter.value, letter.headers)
    except Undecodable:
        return False
    return True


async def replay(settings: Settings, wanted: Filter, *, rejudge: bool, dry: bool) -> Replayed:
    """Put the letters back, or only count them. A repeat is a duplicate by its natural key. Raises KafkaError."""
    done = Replayed()
    await describe_inputs(settings)
    async with _ReplaySender(settings, dry=dry) as sender:
        async for letter in read_all(settings):
            if not wanted.matches(letter):
                continue
            record = refusal_reason(letter, rejudge=rejudge)
            if isinstance(record, str):
                done[record] += 1
                continue
            done["sent"] += 1
            done.refused += not readable(record)
            await sender.send(record)
    return done


class _ReplaySender:
    """An idempotent producer, or with `dry` nothing."""

    def __init__(self, settings: Settings, *, dry: bool) -> None:
        self._topics: dict[str, str] = {domain: settings.topics.input(domain) for domain in DOMAINS}
        self._options = {**client_options(settings.kafka), "enable_idempotence": True}
        self._producer: AIOKafkaProducer | None = None
        self._dry = dry
        self._pending: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        if not self._dry:
            self._producer = AIOKafkaProducer(**self._options)
            await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._producer is not None:
            try:
                await self._drain()
            finally:
                await self._producer.stop()

    async def send(self, letter: OutgoingRecord) -> None:
        """Send one; every now and then wait until all are stored."""
        if self._producer is None:
            return
        topic = self._topics[letter.domain]
        sent = await self._producer.send(topic, letter.value, key=letter.key, headers=letter.headers)
        self._pending.append(sent)
        if len(self._pending) >= MAX_IN_FLIGHT:
            await self._drain()

    async def _drain(self) -> None:
        pending, self._pending = self._pending, []
        await asyncio.gather(*pending)
