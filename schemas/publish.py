"""A client that publishes events: the right topic, key and envelope, each acknowledged by all replicas."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from .codec import CONTENT_TYPE, encode, make
from .envelope import UNKNOWN_SOURCE, Event
from .fields import Data
from .keys import owner_of
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
        self._settings = {"bootstrap_servers": bootstrap_servers, "enable_idempotence": True, **client}

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(**self._settings)
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all enqueued events are stored, then close the connections."""
        await self._producer.stop()

    async def send(
        self,
        data: Data | Event,
        *,
        source: str | None = None,
        id: str | None = None,  # noqa: A002
        time: datetime | int | None = None,
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
        time: datetime | int | None = None,
        timestamp_ms: int | None = None,
    ) -> list["asyncio.Future[Any]"]:
        """Publish in the order of calls; the futures (three for an erasure, else one) are done when it is stored.

        The record key is the owner of the event: see `keys`.

        Args:
            data: of an event that is built here with the other arguments, or an event that `codec.make` returned.
            source: what it comes from, by default the publisher's.
            id: unique within the source; by default a UUID, with which a repeated call is another event.
            time: when it happened, aware or in ms since the epoch; by default now.
            timestamp_ms: the record's timestamp in ms since the epoch; by default now.

        Raises:
            Undecodable: no reader would take it.
            aiokafka.errors.KafkaError: the broker could not be reached or refused it.
        """
        if isinstance(data, Event):
            event = data
        else:
            when = datetime.now(UTC) if time is None else time
            event = make(data, id=id or str(uuid4()), source=source or self._source, time=when)
        value = encode(event)
        key = owner_of(event.data).encode()
        return [
            await self._producer.send(
                self._names[topic.domain],
                value=value,
                key=key,
                timestamp_ms=timestamp_ms,
                headers=[CONTENT_TYPE],
            )
            for topic in topics_of(type(event.data))
        ]
