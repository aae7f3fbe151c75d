"""Publishing the story."""

import asyncio
import time
from collections.abc import Callable, Iterable

from schemas.publish import Publisher
from stream.cli.demo.story import Story, Told

VISITS_PER_SECOND = 2
SOURCE = "/demo"


def now_ms() -> int:
    """The present, in ms since the epoch."""
    return time.time_ns() // 1_000_000


async def publish(bootstrap: str, events: Iterable[Told]) -> None:
    """Publish past events, each record stamped with its event's own time, and wait until all are stored."""
    async with Publisher(bootstrap, source=SOURCE) as publisher:
        sent = [
            future
            for told in events
            for future in await publisher.enqueue(told.data, id=told.id, time=told.at, timestamp_ms=told.at)
        ]
        await asyncio.gather(*sent)


async def live(bootstrap: str, story: Story, check: Callable[[], None]) -> None:
    """Publish visits as they happen until `check()`, called before each, raises."""
    async with Publisher(bootstrap, source=SOURCE) as publisher:
        while True:
            check()
            for told in story.visit(now_ms()):
                await publisher.send(told.data, id=told.id, time=told.at, timestamp_ms=told.at)
            await asyncio.sleep(1 / VISITS_PER_SECOND)
