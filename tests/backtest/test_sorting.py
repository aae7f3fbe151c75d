"""Events are sorted by time in bounded memory."""

import random
import tracemalloc
from pathlib import Path

import pytest

from stream.backtest import sorting
from stream.backtest.sorting import EncodedEvent, SortedEvents
from stream.errors import CxgaugeError


@pytest.mark.parametrize("run_events", [1, 7, 1_000])
def test_events_come_in_the_order_of_time_and_of_the_file(
    run_events: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "RUN_EVENTS", run_events)
    monkeypatch.setattr(sorting, "FRAME_EVENTS", 3)
    choose = random.Random(run_events)
    events = [EncodedEvent(choose.randrange(20), "feedback", b"%d" % number) for number in range(100)]
    with SortedEvents() as ordered:
        for event in events:
            ordered.add(event)
        assert [EncodedEvent(*event) for event in ordered] == sorted(events, key=lambda event: event.time)


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 MB of events are sorted with less than 4 MB."""
    monkeypatch.setattr(sorting, "RUN_EVENTS", 2_000)
    monkeypatch.setattr(sorting, "FRAME_EVENTS", 16)
    value, n = b"x" * 1_000, 40_000
    tracemalloc.start()
    try:
        with SortedEvents() as ordered:
            for number in range(n):
                ordered.add(EncodedEvent(number * 7_919 % n, "tickets", value + b"%d" % number))
            assert sum(1 for _ in ordered) == n
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_full_disk_is_an_error_that_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "RUN_EVENTS", 1)
    full = Path("/dev/full").open("wb")  # noqa: SIM115 - closed by SortedEvents
    monkeypatch.setattr(sorting, "TemporaryFile", lambda **_: full)
    with (
        SortedEvents() as ordered,
        pytest.raises(CxgaugeError, match=r"temporary files: No space left on device\. TMPDIR"),
    ):
        ordered.add(EncodedEvent(0, "feedback", b""))
