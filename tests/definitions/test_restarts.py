"""Series after a restart with other settings: all of the past counts under the new ones, except for erased people."""

from random import Random

import pytest

from stream.core.model.checkpoint import KEY, encode
from stream.exporter.coverage import PartitionId
from stream.exporter.state import PaneBatch
from tests.core.aggregation.pipeline import Pipeline
from tests.definitions.compare import differences
from tests.definitions.figures import figures_of
from tests.definitions.generator import NOWS, history, long_history, settings, with_erasures
from tests.definitions.reading import EventReader
from tests.definitions.settings import DAY, MINUTE
from tests.support import FakeRecord, finish_restore, rows

SHORTER = ({"5m": 5 * MINUTE, "24h": DAY, "7d": 7 * DAY}, {"2d": 2 * DAY})
"""Windows within the default ones. A longer one would fill only from the restart on."""


def restarted(pipeline: Pipeline, env: dict[str, str]) -> Pipeline:
    """Return a pipeline with other settings that goes on with the stored state."""
    restored = Pipeline(**env)
    restored.logs, restored.clock = pipeline.logs, pipeline.clock
    for name, task in restored.tasks.items():
        before = pipeline.tasks[name]
        flush = before.prepare_flush(pipeline.clock, 0)
        assert not flush.forwards
        for key, value in before.store.entities.items():
            task.restore_state(key, value)
        for key, block in rows(before.panes):
            task.restore_panes(key, block)
        task.restore_panes(KEY, encode(flush.checkpoint))
        finish_restore(task)
    restored.series(restored.clock)  # flushes: under other settings summaries are written anew
    for name, task in restored.tasks.items():
        written = [
            FakeRecord(n, restored.clock, key, block) for n, (key, block) in enumerate(rows(task.panes))
        ]
        batch = PaneBatch(PartitionId(*name), written)
        for _ in restored.exporter.apply(batch, monotonic_ms=0, wall_ms=restored.clock):
            pass
    return restored


def differences_after_restart(seed: int) -> list[str]:
    """Return the differences at the end of a history, after a restart in between."""
    random = Random(seed)
    now, old = random.choice(NOWS), settings(random)
    new = random.choice((old, settings(random), settings(random, SHORTER)))
    events = with_erasures(random, random.choice((history, long_history))(random, now), now)
    restart = random.randrange(len(events) + 1)
    pipeline, reader = Pipeline(**old.env()), EventReader(old)
    for n, event in enumerate(events):
        if n == restart or event.kind == "erased":
            pipeline.run(random)
        if n == restart:
            pipeline, reader.settings = restarted(pipeline, new.env()), new
        pipeline.publish(event.wire(), event.stamp)
        reader.read(event)
        if event.kind == "erased":
            pipeline.run(random)
    pipeline.run(random)
    return differences(figures_of(reader, now), pipeline.series(now))


@pytest.mark.parametrize("first_seed", range(0, 50, 5))
def test_figures_are_those_of_the_present_settings(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert differences_after_restart(seed) == [], f"seed {seed}"
