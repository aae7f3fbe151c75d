"""The flush against crashes, zombies, replays, moves and new rules: whatever happens, the figures are the oracle's."""

import os
from random import Random

import pytest

from stream.core.feedback import Feedback
from stream.core.metrics import TALLIES
from stream.core.panes import Panes
from tests.core.oracle import feedback
from tests.core.simulator import World
from tests.core.strategies import SCALES, distinct, typed
from tests.core.test_feedback_oracle import held, hours
from tests.support import HOUR, NOW

HISTORIES = int(os.environ.get("CX_TEST_HISTORIES", "1000"))
BAD = [b"{", b"", b"null", b'{"id":"x"}', b"\xff", b"[" * 5_000]


def history(random: Random) -> list:
    """Events with natural keys that differ, so that the order of reading does not decide."""
    made = []
    for _ in range(random.randrange(3, 18)):
        kind = random.choice(["submitted"] * 5 + ["offered", "deleted"])
        survey = random.choice(list(SCALES))
        event = {"type": f"cx.feedback.{kind}.v1", "feedback_id": random.choice("abcdef")}
        if kind != "deleted":
            event |= {"survey": survey, "channel": random.choice(["web", "app"]), "touchpoint": "pay"}
        if kind == "submitted":
            event |= {
                "score": random.choice([None, 1, 3, 5]),
                "revision": random.randrange(4),
                "reasons": ("a",),
            }
        made.append((NOW - random.randrange(40 * HOUR), event))
    return distinct(made)


def one_life(seed: int) -> None:
    random = Random(seed)
    events = history(random)
    world = World(seed, Feedback(), partitions=random.randrange(1, 4))
    pending = [*events, *random.sample(events, len(events) // 3)]
    for at, event in pending:
        world.publish(event["feedback_id"], typed(at, event).value())
        if random.random() < 0.1:
            world.publish("x", random.choice(BAD))
        for _ in range(random.randrange(4)):
            world.step()
    partitions = world.finish()
    views = dict(partitions[0].rules.views)
    assert held(partitions) == hours(feedback(events, views)), f"seed {seed}"
    for partition, log in zip(partitions, world.logs, strict=True):
        assert sum(partition.counts.values()) == len(log), f"seed {seed}"
        assert not [n for block in partition.panes.blocks.values() for n in block.values() if n < 0], (
            f"seed {seed}"
        )
        audit = Panes(partition.rules, TALLIES)
        audit.floor = partition.panes.floor
        audit.settle(partition.expected())
        assert audit.blocks == partition.panes.blocks, f"seed {seed}"
    dead = sum(p.counts["invalid"] + p.counts["unknown_type"] for p in partitions)
    assert len(world.dead) == dead, f"seed {seed}"


@pytest.mark.parametrize("block", range(10))
def test_every_history_ends_at_the_oracles_figures(block: int) -> None:
    """Seeded: a failure names its seed. CX_TEST_HISTORIES sets how many."""
    each = HISTORIES // 10
    for seed in range(block * each, (block + 1) * each):
        one_life(seed)
