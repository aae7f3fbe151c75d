"""A program that continues the story until SIGTERM: `python -m stream.demo.visitors BOOTSTRAP_SERVERS`."""

import asyncio
import sys

from schemas.publish import Publisher
from schemas.times import from_ms
from stream.demo.business import Business
from stream.demo.feed import SOURCE, now_ms
from stream.demo.story import Story

PER_SECOND = 2
"""Visits per second."""


async def visit(bootstrap: str) -> None:
    """Publish the events of simulated visits in real time."""
    story, business = Story(seed=2, name="visitor"), Business(seed=2, name="visitor")
    async with Publisher(bootstrap, source=SOURCE) as publisher:
        while True:
            now = now_ms()
            for timed_event in (*story.visit(now), *business.passing(now)):
                await publisher.send(
                    timed_event.data,
                    id=timed_event.id,
                    time=from_ms(timed_event.time),
                    timestamp_ms=timed_event.time,
                )
            await asyncio.sleep(1 / PER_SECOND)


if __name__ == "__main__":
    asyncio.run(visit(sys.argv[1]))
