"""Sending events to the input topics, with progress, for `publish` and `replay`."""

import asyncio
import time
from collections.abc import AsyncIterable, Collection
from types import TracebackType
from typing import Any, Literal, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from schemas.envelope import Event, at_ms
from schemas.publish import Publisher
from schemas.topics import DOMAINS
from stream.config import Settings
from stream.errors import TopicsMissing, waiting_for
from stream.kafka.admin import describe
from stream.kafka.batches import BATCH_BYTES
from stream.kafka.client import client_options
from stream.kafka.rights import WRITE, Operation, needs_of
from stream.kafka.topics import TopicDescription, topics

Timestamps = Literal["event", "now"]

MAX_IN_FLIGHT = 5_000
"""Maximum unacknowledged events."""
UPDATE_EVERY = 1_000
"""Events between two updates of the progress bar."""
LINGER_MS = 20


class ProgressMeter:
    """A progress bar with the rate on a terminal, nothing elsewhere. `total` is None if it is unknown."""

    def __init__(self, total: int | None, unit: str = "events") -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            BarColumn(),
            TextColumn(f"{{task.fields[events]:,}} {unit}, {{task.fields[rate]:,.0f}}/s"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total, events=0, rate=0.0)
        self._began = time.monotonic()
        self.events = 0
        self.position = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.show()
        self._progress.stop()

    @property
    def rate(self) -> float:
        """Events per second since the start."""
        return self.events / max(time.monotonic() - self._began, 1e-9)

    def step(self) -> None:
        """Count one event, which is one of `total`."""
        self.events += 1
        self.position += 1
        if self.events % UPDATE_EVERY == 0:
            self.show()

    def show(self) -> None:
        """Update the progress bar."""
        self._progress.update(self._task, completed=self.position, events=self.events, rate=self.rate)


async def describe_inputs(
    settings: Settings, operations: Collection[Operation] = WRITE
) -> dict[str, TopicDescription]:
    """Return the actual properties of the input topics by domain. The caller needs `operations` on each.

    Raises TopicsMissing, and PreconditionFailed if an operation is not permitted.
    """
    inputs = [spec for spec in topics(settings) if spec.role == "input"]
    existing = await describe(settings, inputs, needs_of(inputs, {"input": operations}))
    names = {domain: settings.topics.input(domain) for domain in DOMAINS}
    if missing := [name for name in names.values() if name not in existing]:
        raise TopicsMissing(waiting_for(missing), missing)
    return {domain: existing[name] for domain, name in names.items()}


async def send_all(
    settings: Settings,
    events: AsyncIterable[Event],
    meter: ProgressMeter,
    *,
    timestamps: Timestamps,
) -> None:
    """Send events in their order to their topics. Raises aiokafka's KafkaError."""
    publisher = Publisher(
        topics={domain: settings.topics.input(domain) for domain in DOMAINS},
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES,
        **client_options(settings.kafka),
    )
    async with publisher:
        pending: list[asyncio.Future[Any]] = []
        async for event in events:
            stamp = at_ms(event) if timestamps == "event" else None
            pending += await publisher.enqueue(event, timestamp_ms=stamp)
            meter.events += 1
            if len(pending) >= MAX_IN_FLIGHT:
                await asyncio.gather(*pending)
                pending.clear()
                meter.show()
        await asyncio.gather(*pending)
