"""When a worker writes its clock record."""

import logging
from typing import Any

import pytest

from stream.config import Settings
from stream.worker import clock_writer
from stream.worker.clock_writer import INTERVAL, ClockWriter

OWNED = {"feedback": [0]}


class FakedWriter(ClockWriter):
    """A writer of which records are counted. Time stands still unless `now` is changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 5_000_000
        self.written = 0
        self.error: Exception | None = None
        self.clock: Any = type("FakeClock", (), {"has_jumped": False})()
        super().__init__(Settings(), self.clock)
        monkeypatch.setattr(clock_writer, "monotonic_ms", lambda: self.now)

    async def _write(self, owned: dict[str, list[int]]) -> None:
        self.written += 1
        if self.error is not None:
            raise self.error

    async def records(self, owned: dict[str, list[int]] = OWNED) -> int:
        """Return the number of records that one check writes."""
        before = self.written
        await self._write_if_due(owned)
        return self.written - before


async def test_a_record_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """And at once when the partitions change, with which a record names the worker."""
    writer = FakedWriter(monkeypatch)
    assert [await writer.records(), await writer.records()] == [1, 0]
    writer.now += INTERVAL - 1
    assert await writer.records() == 0
    writer.now += 1
    assert [await writer.records(), await writer.records()] == [1, 0]
    other = {"feedback": [0, 1]}
    assert [await writer.records(other), await writer.records(other)] == [1, 0]
    assert INTERVAL == 60_000


async def test_a_jump_asks_for_the_brokers_time_at_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the clock has followed it, or is back."""
    writer = FakedWriter(monkeypatch)
    writer.clock.has_jumped = True
    assert [await writer.records(), await writer.records()] == [1, 1]
    writer.clock.has_jumped = False
    assert await writer.records() == 0


async def test_a_failure_is_logged_and_repeated_in_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Counting does not depend on the record."""
    writer = FakedWriter(monkeypatch)
    writer.error = RuntimeError("away")
    with caplog.at_level(logging.WARNING):
        assert [await writer.records(), await writer.records()] == [1, 0]
    assert "The clock record cannot be written to cx.clock: RuntimeError('away')" in caplog.text
    writer.now += INTERVAL
    assert await writer.records() == 1
