"""A client that publishes events: the right topic, key and envelope, each acknowledged by all replicas."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaProducer

from .codec import CONTENT_TYPE, encode, make
from .envelope import UNKNOWN_SOURCE, Event
from .fields import Data, field_error
from .keys import owner_of
from .times import Time
from .topics import TOPICS, topics_of


class Publisher:
    """An idempotent producer of events, used as `async with Publisher("broker:9092", source="/shop") as publisher`.

    Args:
        bootstrap_servers: `host:port`, or several with commas.
        source: what the events come from, a URI reference.
        topics: names by domain (`feedback`, `tickets`, `customers`) where they differ from the defaults.
        client: further settings of `aiokafka.AIOKafkaProducer` (security, `linger_ms`, ...).
    """

    def __init__(
        self,
        bootstrap_servers: str = "127.0.0.1:9092",
        *,
        source: str = UNKNOWN_SOURCE,
        topics: Mapping[str, str] | None = None,
        **client: Any,
    ) -> None:
        names = dict(topics or {})
        if unknown := sorted(names.keys() - TOPICS.keys()):
            raise ValueError(f"topics: expected {', '.join(TOPICS)}, got {unknown[0]!r}")
        self._names = {domain: names.get(domain, topic.name) for domain, topic in TOPICS.items()}
        self._source = source
        self._producer: AIOKafkaProducer | None = None
        self._settings = {"bootstrap_servers": bootstrap_servers, "enable_idempotence": True, **client}

    async def __aenter__(self) -> Self:
        producer = AIOKafkaProducer(**self._settings)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all enqueued events are stored, then close the connections."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def send(
        self,
        data: Data | Event,
        *,
        source: str | None = None,
        id: str | None = None,  # noqa: A002
        time: datetime | str | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Publish and wait until it is stored; see `enqueue`."""
        sent = await self.enqueue(data, source=source, id=id, time=time, timestamp_ms=timestamp_ms)
        await asyncio.gather(*sent)

    async def enqueue(
        self,
        data: Data | Event,
        *,
        source: str | None = None,
        id: str | None = None,  # noqa: A002
        time: datetime | str | None = None,
        timestamp_ms: int | None = None,
    ) -> list["asyncio.Future[Any]"]:
        """Publish in the order of calls; the futures (three for an erasure, else one) are done when it is stored.

        The record key is the owner of the event: see `keys`.

        Args:
            data: of an event that is built here with the other arguments, or an event that `codec.make` returned.
            source: what it comes from, by default the publisher's.
            id: unique within the source; by default a UUID, with which a repeated call is another event.
            time: when it happened, an aware datetime or a text as of RFC 3339; by default now.
            timestamp_ms: the record's timestamp in ms since the epoch; by default now.

        Raises:
            Undecodable: no reader would take it.
            ValueError: `time` is neither.
            RuntimeError: the publisher is not used as `async with`, or was closed.
            aiokafka.errors.KafkaError: the broker could not be reached or refused it.
        """
        return await self._append(
            self._producer_in_use(), self._event(data, source=source, id=id, time=time), timestamp_ms
        )

    async def send_all(self, events: Iterable[Data | Event]) -> None:
        """Publish events and wait until all are stored. They are checked before the first is sent.

        After an error some may be stored. An app that repeats the call should pass events that `codec.make` returned, so
        that their IDs and times are the same.

        Raises the errors of `enqueue`, of several the first.
        """
        producer = self._producer_in_use()
        checked = [self._event(data) for data in events]
        sent: list[asyncio.Future[Any]] = []
        try:
            for event in checked:
                sent += await self._append(producer, event)
        finally:
            results = await asyncio.gather(*sent, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _producer_in_use(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("The publisher is closed: use it as `async with Publisher(...) as publisher`")
        return self._producer

    def _event(
        self,
        data: Data | Event,
        *,
        source: str | None = None,
        id: str | None = None,  # noqa: A002
        time: datetime | str | None = None,
    ) -> Event:
        if isinstance(data, Event):
            return data
        when = datetime.now(UTC) if time is None else _aware(time)
        return make(data, id=id or str(uuid4()), source=source or self._source, time=when)

    async def _append(
        self, producer: AIOKafkaProducer, event: Event, timestamp_ms: int | None = None
    ) -> list["asyncio.Future[Any]"]:
        """Append an event to the producer's buffer and return the futures of its records."""
        value, key = encode(event), owner_of(event.data).encode()
        return [
            await producer.send(
                self._names[topic.domain],
                value=value,
                key=key,
                timestamp_ms=timestamp_ms,
                headers=[CONTENT_TYPE],
            )
            for topic in topics_of(type(event.data))
        ]


def _aware(time: datetime | str) -> datetime:
    """Return a time. Raises ValueError for a number, whose unit nobody knows, and for a time without an offset."""
    if isinstance(time, str):
        try:
            time = msgspec.convert(time, Time)
        except msgspec.ValidationError:
            raise field_error("time", _ALLOWED_TIME, time) from None
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise field_error("time", _ALLOWED_TIME, time)
    return time


_ALLOWED_TIME = "an aware datetime, or a text such as 2026-11-22T10:15:00+01:00"
