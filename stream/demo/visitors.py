"""A program that continues the story until SIGTERM: `python -m stream.demo.visitors BOOTSTRAP_SERVERS`."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from schemas.publish import Publisher
from schemas.times import from_ms
from stream.demo.business import Business
from stream.demo.feed import NO_OPTIONS, SOURCE, now_ms
from stream.demo.story import Story

PER_SECOND = 2
"""Visits per second."""


async def visit(bootstrap: str, *, name: str = "visitor", client: Mapping[str, Any] = NO_OPTIONS) -> NoReturn:
    """Publish the events of simulated visits in real time.

    Their IDs begin with `name`. `client` has further options of the publisher.
    """
    story, business = Story(seed=2, name=name), Business(seed=2, name=name)
    async with Publisher(bootstrap, source=SOURCE, **client) as publisher:
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
