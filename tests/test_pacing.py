"""The pace of recurring work, on clocks of our own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from stream import pacing
from stream.pacing import REST, Pace

INTERVAL = 0.5


class Cpu:
    """The CPU time of the process, in seconds."""

    def __init__(self) -> None:
        self.spent = 0.0


def run(work: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine on a loop whose time jumps to the next timer when nothing else is to be done."""
    loop = asyncio.new_event_loop()
    now = 0.0
    select_ready = loop._selector.select  # type: ignore[attr-defined]

    def select(timeout: float | None) -> Any:
        nonlocal now
        now += timeout or 0
        return select_ready(0)

    loop._selector.select = select  # type: ignore[attr-defined]
    loop.time = lambda: now  # type: ignore[method-assign]
    try:
        loop.run_until_complete(work(loop))
    finally:
        loop.close()


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Cpu:
    cpu = Cpu()
    monkeypatch.setattr(pacing.time, "process_time", lambda: cpu.spent)
    return cpu


def begun(changes: list[float], cpu_seconds: float, count: int, cpu: Cpu) -> list[float]:
    """Return when turns begin, if changes are noted at times and each turn costs `cpu_seconds`."""
    times: list[float] = []

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        start, pace = loop.time(), Pace(INTERVAL)
        for at in changes:
            loop.call_at(start + at, pace.note_change)
        async for _ in pace.turns():
            times.append(loop.time() - start)
            cpu.spent += cpu_seconds
            if len(times) == count:
                return

    run(work)
    return times


def test_without_changes_it_is_due_at_the_interval(cpu: Cpu) -> None:
    assert begun([], 0.01, 3, cpu) == pytest.approx([0, INTERVAL, 2 * INTERVAL], abs=0.001)


def test_a_change_makes_it_due_at_once(cpu: Cpu) -> None:
    assert begun([0.2], 0.01, 3, cpu) == pytest.approx([0, 0.2, 0.2 + INTERVAL], abs=0.001)


def test_it_rests_after_work_whatever_changes(cpu: Cpu) -> None:
    """A change during the rest is due at its end."""
    assert begun([0.01, 0.02, 0.2], 0.04, 3, cpu) == pytest.approx([0, REST * 0.04, 0.24], abs=0.001)


def test_a_busy_process_rests_for_the_interval_at_most(cpu: Cpu) -> None:
    assert begun([0.01, 0.6], 2.0, 3, cpu) == pytest.approx([0, INTERVAL, 2 * INTERVAL], abs=0.001)


def test_a_change_during_the_work_is_due_after_it(cpu: Cpu) -> None:
    """It may have come too late for the work to see it."""
    times: list[float] = []

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        start, pace = loop.time(), Pace(INTERVAL)
        async for _ in pace.turns():
            times.append(loop.time() - start)
            if len(times) == 2:
                return
            pace.note_change()

    run(work)
    assert times == pytest.approx([0, 0], abs=0.001)
