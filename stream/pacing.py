"""When recurring work is due: at a change, but not before a rest, and at the latest after an interval."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

REST = 3
"""Rest after the work, as a multiple of the CPU time that the process spent meanwhile. So frequent changes make the work take
at most a quarter of a core, and a busy process rests for the whole interval."""


class Pace:
    """The pace of work that changes make due. `interval` is in seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Note that there is something to do."""
        self._changed.set()

    async def turns(self) -> AsyncIterator[None]:
        """Yield whenever the work is due, the first time at once."""
        while True:
            self._changed.clear()
            started_at = time.process_time()
            yield
            rest = min(self._interval, REST * (time.process_time() - started_at))
            await asyncio.sleep(rest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval - rest):
                    await self._changed.wait()
