"""Joined figures of random histories are those that an independent reading of the contract gives."""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from stream.core.aggregation.audit import pane_differences
from tests.core.aggregation.pipeline import Pipeline
from tests.definitions.joined import VIEWS, differences, joined_figures, series_of
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.joined_histories import NOWS, joined_history, joined_settings, with_joined_erasures
from tests.definitions.joined_long_histories import long_history
from tests.definitions.joined_reading import JoinedReader, JoinedSettings
from tests.definitions.settings import DAY, HOUR, MINUTE, WINDOWS
from tests.definitions.test_restarts import restarted


def env(settings: JoinedSettings) -> dict[str, str]:
    """Return settings as environment variables."""
    return settings.tickets.env() | {
        "CXGAUGE_METRICS_WINDOWS": json.dumps(list(settings.windows)),
        "CXGAUGE_METRICS_VIEWS": json.dumps(VIEWS),
        "CXGAUGE_CLV_MARGIN_RATE": str(float(settings.margin)),
    }


def publish(pipeline: Pipeline, event: JoinedEvent, random: Random) -> None:
    """Append an event with any key to any partition."""
    key = random.choice([None, event.id, "c"])
    partition = random.randrange(pipeline.partition_count)
    pipeline.publish(event.wire(), event.stamp, key=key, partition=partition)


def audit(pipeline: Pipeline) -> Iterator[str]:
    """Yield the blocks of panes that are not the sum of what the entities contribute."""
    for task in pipeline.tasks.values():
        yield from pane_differences(task)


def differences_of(seed: int) -> Iterator[str]:
    """Yield the differences of one history, when a part is read, at the end, and later."""
    random = Random(seed)
    now, settings = random.choice(NOWS), joined_settings(random)
    events = joined_history(random, now, settings)
    pipeline = Pipeline(random.choice((1, 1, 2, 3)), **env(settings))
    part = random.randrange(len(events) + 1)
    for first, last in ((0, part), (part, len(events))):
        for event in events[first:last]:
            publish(pipeline, event, random)
        pipeline.run(random)
        yield from differences(joined_figures(events[:last], now, settings), pipeline.series(now))
    later = now + random.choice((1, 7 * MINUTE, HOUR, 3 * DAY, 8 * DAY)) * random.randrange(1, 4)
    yield from differences(joined_figures(events, later, settings), pipeline.series(later))
    yield from audit(pipeline)


@pytest.mark.parametrize("first_seed", range(0, 120, 5))
def test_series_are_those_of_the_contract(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(differences_of(seed)) == [], f"seed {seed}"


def differences_with_erasures(seed: int) -> list[str]:
    """Return the differences of a history with erasures, each read on all topics before the next event."""
    random = Random(seed)
    now, settings = random.choice(NOWS), joined_settings(random)
    events = with_joined_erasures(random, joined_history(random, now, settings), now)
    pipeline = Pipeline(random.choice((1, 1, 2, 3)), **env(settings))
    for event in events:
        if event.kind == "erased":
            pipeline.run(random)
        publish(pipeline, event, random)
        if event.kind == "erased":
            pipeline.run(random)
    pipeline.run(random)
    return differences(joined_figures(events, now, settings), pipeline.series(now))


@pytest.mark.parametrize("first_seed", range(0, 50, 5))
def test_erasures_leave_finished_lives(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_with_erasures(seed) == [], f"seed {seed}"


def differences_as_it_happens(seed: int) -> Iterator[str]:
    """Yield the differences of half a year that is read in small parts, at several times on the way."""
    random = Random(seed)
    end = random.choice(NOWS)
    settings = replace(joined_settings(random), windows=dict(WINDOWS))
    events = long_history(random, end)
    pipeline = Pipeline(random.choice((1, 2)), **env(settings))
    looks = random.sample(range(len(events)), 4)
    for n, event in enumerate(events):
        publish(pipeline, event, random)
        if n in looks or n % 10 == 0 or n == len(events) - 1:
            pipeline.run(random)
        if n in looks or n == len(events) - 1:
            now = max(event.stamp for event in events[: n + 1])
            yield from differences(joined_figures(events[: n + 1], now, settings), pipeline.series(now))
            yield from audit(pipeline)


@pytest.mark.parametrize("seed", [4, 6, 7, 8])  # those of few events
def test_old_events_are_forgotten_without_a_trace(seed: int) -> None:
    assert list(differences_as_it_happens(seed)) == []


def differences_after_restart(seed: int) -> list[str]:
    """Return the differences of a history with erasures, after a restart with other targets and another margin."""
    random = Random(seed)
    now, old = random.choice(NOWS), joined_settings(random)
    new = replace(joined_settings(random), windows=old.windows)
    events = with_joined_erasures(random, joined_history(random, now, old), now)
    restart = random.randrange(len(events) + 1)
    pipeline, reader = Pipeline(**env(old)), JoinedReader(old)
    for n, event in enumerate([*events, None]):
        if n == restart or event is None or event.kind == "erased":
            pipeline.run(random)
        if n == restart:
            pipeline = restarted(pipeline, env(new))
            reader.restart(new)
        if event is not None:
            publish(pipeline, event, random)
            reader.read(event)
            if event.kind == "erased":
                pipeline.run(random)
    pipeline.run(random)
    return differences(series_of(reader.state(), now, new), pipeline.series(now))


@pytest.mark.parametrize("first_seed", range(0, 50, 5))
def test_fates_and_margins_are_those_of_the_present_settings(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_after_restart(seed) == [], f"seed {seed}"
