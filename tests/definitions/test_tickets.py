"""Series of random histories of tickets are those that an independent reading of the contract gives."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.core.aggregation.pipeline import Pipeline
from tests.definitions.compare import differences
from tests.definitions.figures import figures
from tests.definitions.generator import NOWS, history, settings, with_erasures
from tests.definitions.settings import DAY, HOUR, MINUTE


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


@pytest.mark.parametrize("first_seed", range(0, 200, 5))
def test_series_are_those_of_the_contract(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(differences_of(seed)) == [], f"seed {seed}"


def differences_with_erasures(seed: int) -> list[str]:
    """Return the differences of a history with erasures, each read on all topics before the next event."""
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random)
    events = with_erasures(random, history(random, now), now)
    pipeline = Pipeline(**configured.env())
    for event in events:
        if event.kind == "erased":
            pipeline.run(random)
        pipeline.publish(event.wire(), event.stamp)
        if event.kind == "erased":
            pipeline.run(random)
    pipeline.run(random)
    return differences(figures(events, now, configured), pipeline.series(now))


@pytest.mark.parametrize("first_seed", range(0, 100, 5))
def test_erasures_leave_what_the_contract_says(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_with_erasures(seed) == [], f"seed {seed}"
