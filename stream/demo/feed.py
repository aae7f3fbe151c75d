"""Publishing the events of the demo."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.publish import Publisher
from schemas.times import from_ms
from stream.clock import wall_ms
from stream.demo.story import TimedEvent

SOURCE = "/demo"
NO_OPTIONS: Mapping[str, Any] = {}


def now_ms() -> int:
    """Return the present time in ms since the epoch."""
    return wall_ms()


async def publish(
    bootstrap: str,
    events: Iterable[TimedEvent],
    *,
    stamped: bool = True,
    client: Mapping[str, Any] = NO_OPTIONS,
) -> None:
    """Publish events and wait until all are stored.

    With `stamped` a record's timestamp is the event's time, else now. `client` has further options of the publisher.
    """
    async with Publisher(bootstrap, source=SOURCE, **client) as publisher:
        futures = [
            future
            for timed_event in events
            for future in await publisher.enqueue(
                timed_event.data,
                id=timed_event.id,
                time=from_ms(timed_event.time),
                timestamp_ms=timed_event.time if stamped else None,
            )
        ]
        await asyncio.gather(*futures)
