"""The flush against crashes, zombies, replays, moves and new rules: whatever happens, the figures are the oracle's."""

import os
from random import Random

import pytest

from schemas.keys import default_record_key
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.tickets import Tickets
from tests.core.aggregation.feedback.oracle import feedback
from tests.core.aggregation.feedback.strategies import SCALES, distinct, typed
from tests.core.aggregation.feedback.test_oracle import held, hours
from tests.core.aggregation.histories import customers, tickets
from tests.core.aggregation.simulator import World, once
from tests.support import HOUR, NOW, partition_of_key, records

HISTORIES = int(os.environ.get("CX_TEST_HISTORIES", "1000"))
BAD = [b"{", b"", b"null", b'{"id":"x"}', b"\xff", b"[" * 5_000]


def history(random: Random) -> list:
    """Events with natural keys that differ, so that the order of reading does not decide."""
    generated = []
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
        generated.append((NOW - random.randrange(40 * HOUR), event))
    return distinct(generated)


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
    views = dict(partitions[0].config.views)
    assert held(partitions) == hours(feedback(events, views)), f"seed {seed}"
    for partition, log in zip(partitions, world.logs, strict=True):
        assert sum(partition.outcome_counts.values()) == len(log), f"seed {seed}"
        assert not [n for block in partition.panes.blocks.values() for n in block.values() if n < 0], (
            f"seed {seed}"
        )
        assert list(pane_differences(partition)) == [], f"seed {seed}"
    dead = sum(p.outcome_counts["invalid"] + p.outcome_counts["unknown_type"] for p in partitions)
    assert len(world.dead) == dead, f"seed {seed}"


@pytest.mark.parametrize("block", range(10))
def test_every_history_ends_at_the_oracles_figures(block: int) -> None:
    """Seeded: a failure names its seed. CX_TEST_HISTORIES sets how many."""
    each = HISTORIES // 10
    for seed in range(block * each, (block + 1) * each):
        one_life(seed)


def one_life_against_one_run(seed: int, domain: Domain) -> None:
    """Panes, block by block, are those of a process that read each event once and never ended."""
    random = Random(seed)
    generated = {"tickets": tickets, "customers": customers}[domain.name]
    events = list(generated(random, random.randrange(5, 30), 3, NOW))
    world = World(seed, domain, partitions=random.randrange(1, 4))
    for event in [*events, *random.sample(events, len(events) // 3)]:
        world.publish(default_record_key(event.data), event.value(), event.stamp)
        for _ in range(random.randrange(4)):
            world.step()
    accepted = 0
    for partition, log in zip(world.finish(), world.logs, strict=True):
        mine = [
            e for e in events if partition_of_key(default_record_key(e.data), world.count) == partition.number
        ]
        assert partition.panes.blocks == once(partition, records(mine)).panes.blocks, f"seed {seed}"
        assert list(pane_differences(partition)) == [], f"seed {seed}"
        assert sum(partition.outcome_counts.values()) == len(log), f"seed {seed}"
        accepted += partition.outcome_counts["accepted"]
    assert accepted == len(events), f"seed {seed}"
    assert world.dead == [], f"seed {seed}"


@pytest.mark.parametrize("domain", [Tickets(), Customers()], ids=lambda domain: domain.name)
@pytest.mark.parametrize("block", range(5))
def test_histories_of_tickets_and_customers_end_as_one_run_would(block: int, domain: Domain) -> None:
    """Under the last rules, whatever crashed, was replayed, moved or fenced before. A failure names its seed."""
    each = HISTORIES // 15
    for seed in range(block * each, (block + 1) * each):
        one_life_against_one_run(seed, domain)
