"""When recurring work is due: at a change, but not before a rest, and at the latest after an interval."""

import asyncio
import contextlib
import time
import types
from collections.abc import AsyncIterator, Awaitable, Coroutine, Generator
from typing import Any, TypeVar

REST = 3
"""Rest after the work, as a multiple of its CPU time, in a process that is else idle. A process that is half busy rests twice
as long. So frequent changes make the work take at most a quarter of the CPU time that is left over."""
BUSY_SECONDS = 1.0
"""Seconds over which the process is measured at least to know how busy it is."""

T = TypeVar("T")


class Pace:
    """The pace of work that changes make due. `interval` is in seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._changed = asyncio.Event()
        self._spent = 0.0
        """CPU seconds of the present turn's work."""
        self._idle = 1.0
        """The share of a core that the process left idle when it was last measured."""

    def note_change(self) -> None:
        """Note that there is something to do."""
        self._changed.set()

    def measured(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Await work of the present turn, and measure its CPU time. Other tasks run while it waits."""
        return self._steps(work)

    @types.coroutine
    def _steps(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        step, value = work.send, None
        while True:
            began = time.thread_time()
            try:
                awaited = step(value)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self._spent += time.thread_time() - began
            try:
                step, value = work.send, (yield awaited)
            except BaseException as error:  # noqa: BLE001 - a cancellation is for the work
                step, value = work.throw, error

    async def turns(self) -> AsyncIterator[None]:
        """Yield whenever the work is due, the first time at once."""
        clock = asyncio.get_running_loop().time
        measured_at, busy_before = clock(), time.process_time()
        while True:
            self._changed.clear()
            self._spent = 0.0
            yield
            if (seconds := clock() - measured_at) >= BUSY_SECONDS:
                self._idle = max(0.0, 1 - (time.process_time() - busy_before) / seconds)
                measured_at, busy_before = clock(), time.process_time()
            rest = self._rest()
            await asyncio.sleep(rest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval - rest):
                    await self._changed.wait()

    def _rest(self) -> float:
        """Return the seconds to rest, at most the interval."""
        wanted = REST * self._spent
        return self._interval if wanted >= self._interval * self._idle else wanted / self._idle
