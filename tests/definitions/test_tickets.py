"""Series of random histories of tickets are those that an independent reading of the contract gives."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.core.aggregation.pipeline import Pipeline
from tests.definitions.compare import differences
from tests.definitions.events import TicketEvent, natural_key
from tests.definitions.figures import figures, figures_of, read
from tests.definitions.generator import NOWS, history, long_history, settings, with_erasures
from tests.definitions.reading import EventReader
from tests.definitions.settings import DAY, HOUR, MINUTE, WINDOWS, Settings

ALL_WINDOWS = (
    WINDOWS,
    {"15m": 15 * MINUTE, "2h": 2 * HOUR, "3d": 3 * DAY},
    {"10d": 10 * DAY, "45m": 45 * MINUTE},
    {"60d": 60 * DAY, "1h": HOUR},
)


def differences_of(seed: int) -> Iterator[str]:
    """Yield the differences of one history, when a part is read, at the end, and later.

    No record is so old that anything is forgotten.
    """
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random)
    events = history(random, now)
    pipeline = Pipeline(**configured.env())
    part = random.randrange(len(events))
    for first, last in ((0, part), (part, len(events))):
        for event in events[first:last]:
            pipeline.publish(event.wire(), event.stamp)
        pipeline.run(random)
        yield from differences(figures(events[:last], now, configured), pipeline.series(now))
    later = now + random.choice((1, 7 * MINUTE, HOUR, 3 * DAY, 8 * DAY)) * random.randrange(1, 4)
    yield from differences(figures(events, later, configured), pipeline.series(later))


def differences_on_partitions(seed: int) -> list[str]:
    """Return the differences of a history read on several partitions, with any keys, in any order but of erasures.

    Of copies that differ the first one read counts, so each event has no copies here. Interactions have revisions.
    """
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random)
    by_key = {}
    for event in history(random, now):
        known = event.without_nulls()
        key = (event.id,) if event.kind == "handled" else (known.data["ticket_id"], *natural_key(known))
        by_key[key] = event
    events = list(by_key.values())
    random.shuffle(events)
    if random.random() < 0.5:
        events = with_erasures(random, events, now)
    pipeline = Pipeline(random.choice((2, 3, 5)), **configured.env())
    for event in events:
        if event.kind == "erased":
            pipeline.run(random)
        key = random.choice((None, event.id, event.data.get("ticket_id"), event.data.get("customer_id")))
        partition = random.randrange(pipeline.partition_count)
        pipeline.publish(event.wire(), event.stamp, key=key, partition=partition)
        if event.kind == "erased":
            pipeline.run(random)
    pipeline.run(random)
    return differences(figures(events, now, configured), pipeline.series(now))


def differences_with_erasures(seed: int) -> list[str]:
    """Return the differences of a history with erasures, each read on all topics before the next event."""
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random)
    events = with_erasures(random, history(random, now), now)
    return differences_at_the_end(random, events, now, configured)


def differences_with_memory(seed: int) -> list[str]:
    """Return the differences of a history that is longer than the memory, half of them with erasures."""
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random, ALL_WINDOWS)
    configured = replace(configured, retention=random.choice((75, 20)) * DAY)
    events = long_history(random, now)
    if random.random() < 0.5:
        events = with_erasures(random, events, now)
    return differences_at_the_end(random, events, now, configured)


def differences_on_the_way(seed: int) -> Iterator[str]:
    """Yield the differences of a long history at several times, while the windows roll on."""
    random = Random(seed)
    configured = settings(random, ALL_WINDOWS)
    events = long_history(random, random.choice(NOWS))
    pipeline, reader = Pipeline(**configured.env()), EventReader(configured)
    size = len(events) // random.randrange(2, 8) + 1
    now = 0
    for first in range(0, len(events), size):
        for event in events[first : first + size]:
            pipeline.publish(event.wire(), event.stamp)
            reader.read(event)
            now = max(now, event.stamp)
        pipeline.run(random)
        now += random.choice((0, 1, MINUTE, 3 * HOUR))
        yield from differences(figures_of(reader, now), pipeline.series(now))


def clock_event(stamp: int) -> dict[str, Any]:
    """Return an event of `cx.customers` that moves its newest timestamp, so that it forgets when `cx.tickets` does."""
    event = TicketEvent("erased", stamp, stamp, f"clock {stamp}", {"customer_id": "nobody"})
    return event.wire() | {"type": "cx.customer.cancel_withdrawn.v1"}


def differences_at_the_end(
    random: Random, events: list[TicketEvent], now: int, configured: Settings
) -> list[str]:
    """Return the differences of the series, and of the outcomes."""
    pipeline = Pipeline(**configured.env())
    for event in events:
        if event.kind == "erased":
            pipeline.run(random)
        pipeline.publish(event.wire(), event.stamp)
        pipeline.publish(clock_event(event.stamp), event.stamp)
        if event.kind == "erased":
            pipeline.run(random)
    pipeline.run(random)
    reader = read(events, configured)
    different = differences(figures_of(reader, now), pipeline.series(now))
    if reader.outcomes != pipeline.outcomes("tickets"):
        different.append(f"outcomes: expected {reader.outcomes}, counted {pipeline.outcomes('tickets')}")
    return different


@pytest.mark.parametrize("first_seed", range(0, 100, 5))
def test_series_are_those_of_the_contract(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(differences_of(seed)) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 40, 5))
def test_keys_and_partitions_change_nothing(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_on_partitions(seed) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 60, 5))
def test_erasures_leave_what_the_contract_says(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_with_erasures(seed) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 40, 5))
def test_memory_ends_when_the_contract_says(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_with_memory(seed) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 40, 5))
def test_windows_roll_on(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(differences_on_the_way(seed)) == [], f"seed {seed}"
