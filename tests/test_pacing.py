"""The pace of recurring work, on clocks of our own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from stream import pacing
from stream.pacing import REST, Pace

INTERVAL = 0.5


class Cpu:
    """CPU time in seconds: of the process, and of its main thread."""

    def __init__(self) -> None:
        self.of_process = self.of_thread = 0.0

    def spend(self, seconds: float) -> None:
        """Spend time of the main thread."""
        self.of_process += seconds
        self.of_thread += seconds


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
    monkeypatch.setattr(pacing.time, "process_time", lambda: cpu.of_process)
    monkeypatch.setattr(pacing.time, "thread_time", lambda: cpu.of_thread)
    return cpu


def begun(
    changes: list[float], cpu_seconds: float, count: int, cpu: Cpu, *, others: float = 0.0
) -> list[float]:
    """Return when turns begin, if changes are noted at times, each turn costs `cpu_seconds`, and what else runs `others`."""
    times: list[float] = []

    async def work() -> None:
        cpu.spend(cpu_seconds / 2)
        await asyncio.sleep(0)
        cpu.spend(cpu_seconds / 2)

    async def other() -> None:
        cpu.spend(others)

    async def run_turns(loop: asyncio.AbstractEventLoop) -> None:
        start, pace = loop.time(), Pace(INTERVAL)
        for at in changes:
            loop.call_at(start + at, pace.note_change)
        async for _ in pace.turns():
            times.append(loop.time() - start)
            await asyncio.gather(pace.measured(work()), other())
            if len(times) == count:
                return

    run(run_turns)
    return times


def test_without_changes_it_is_due_at_the_interval(cpu: Cpu) -> None:
    assert begun([], 0.01, 3, cpu) == pytest.approx([0, INTERVAL, 2 * INTERVAL], abs=0.001)


def test_a_change_makes_it_due_at_once(cpu: Cpu) -> None:
    assert begun([0.2], 0.01, 3, cpu) == pytest.approx([0, 0.2, 0.2 + INTERVAL], abs=0.001)


def test_it_rests_after_work_whatever_changes(cpu: Cpu) -> None:
    """A change during the rest is due at its end."""
    assert begun([0.01, 0.02, 0.2], 0.04, 3, cpu) == pytest.approx([0, REST * 0.04, 0.24], abs=0.001)


def test_long_work_rests_for_the_interval_at_most(cpu: Cpu) -> None:
    assert begun([0.01, 0.6], 2.0, 3, cpu) == pytest.approx([0, INTERVAL, 2 * INTERVAL], abs=0.001)


def test_other_work_is_no_reason_to_rest(cpu: Cpu) -> None:
    assert begun([0.01, 0.02], 0.01, 2, cpu, others=0.4) == pytest.approx([0, REST * 0.01], abs=0.001)


@pytest.mark.parametrize(("busy", "rest"), [(0.5, 2 * REST * 0.02), (1.0, INTERVAL)])
def test_it_rests_longer_the_busier_the_process_is(busy: float, rest: float, cpu: Cpu) -> None:
    """The process is measured for 1.01 s, in which four turns begin."""
    changes = [0.01, 0.51, 1.01, 1.02]
    others = busy * 1.01 / 4 - 0.02
    assert begun(changes, 0.02, 5, cpu, others=others) == pytest.approx(
        [0, REST * 0.02, 0.51, 1.01, 1.01 + rest], abs=0.001
    )


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


async def test_measured_work_ends_as_it_does_otherwise() -> None:
    """It returns its result, raises its errors, and is told that it was cancelled."""
    pace, ended = Pace(INTERVAL), []

    async def work(result: int) -> int:
        try:
            await asyncio.sleep(0 if result else 60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return 6 // (result - 1)

    async def measured(result: int) -> int:
        return await pace.measured(work(result))

    assert await measured(3) == 3
    with pytest.raises(ZeroDivisionError):
        await measured(1)
    waiting = asyncio.create_task(measured(0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["cancelled"]
