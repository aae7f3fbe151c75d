"""Joined figures of random histories are those that an independent reading of the contract gives."""

import json
from collections.abc import Iterator
from random import Random

import pytest

from tests.core.aggregation.pipeline import Pipeline
from tests.definitions.joined import VIEWS, JoinedSettings, differences, joined_figures
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.joined_histories import NOWS, joined_history, joined_settings
from tests.definitions.settings import DAY, HOUR, MINUTE


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


@pytest.mark.parametrize("first_seed", range(0, 40, 4))
def test_series_are_those_of_the_contract(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 4):
        assert list(differences_of(seed)) == [], f"seed {seed}"
