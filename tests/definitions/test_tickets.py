"""Series of random histories of tickets are those that an independent reading of the contract gives."""

from random import Random

import pytest

from tests.core.aggregation.pipeline import Pipeline
from tests.definitions.compare import differences
from tests.definitions.figures import figures
from tests.definitions.generator import NOWS, history, settings


def differences_of(seed: int) -> list[str]:
    """Return the differences of one history. The records are as new as `now`, so that nothing is forgotten."""
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random)
    events = history(random, now)
    pipeline = Pipeline(**configured.env())
    for event in events:
        pipeline.publish(event.wire(), now)
    pipeline.run(random)
    return differences(figures(events, now, configured), pipeline.series(now))


@pytest.mark.parametrize("first_seed", range(0, 200, 5))
def test_series_are_those_of_the_contract(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_of(seed) == [], f"seed {seed}"
