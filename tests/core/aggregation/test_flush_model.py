"""The flush under crashes, zombies, replays, takeovers and new settings: the figures equal the oracle's."""

import os
from random import Random

import pytest

from schemas.keys import owner_of
from stream.core.aggregation import entities
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from tests.core.aggregation.feedback.oracle import feedback
from tests.core.aggregation.feedback.strategies import SCALES, distinct, typed
from tests.core.aggregation.feedback.test_oracle import by_hour, stored_figures
from tests.core.aggregation.histories import customers, tickets
from tests.core.aggregation.simulator import Simulation, once
from tests.support import HOUR, NOW, partition_of_key, records, with_fields

HISTORIES = int(os.environ.get("CX_TEST_HISTORIES", "1000"))
INVALID_VALUES = [b"{", b"", b"null", b'{"id":"x"}', b"\xff", b"[" * 5_000]


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have several slices in a rebuild, between which processes die."""
    monkeypatch.setattr(entities, "SLICE", 2)


def history(random: Random) -> list:
    """Return events with distinct natural keys, so that the order of reading does not matter."""
    generated = []
    for i in range(random.randrange(3, 18)):
        kind = random.choice(["submitted"] * 5 + ["offered", "deleted"])
        survey = random.choice(list(SCALES))
        event = {"type": f"cx.feedback.{kind}.v1", "id": f"e{i}", "feedback_id": random.choice("abcdef")}
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


def devices(partition: PartitionTask) -> int:
    """Return the count of the unknown field that every published event has."""
    return sum(counts["device"] for counts in partition.checkpoint.unknown_fields.values())


def check_feedback_history(seed: int, simulate: type[Simulation] = Simulation) -> None:
    random = Random(seed)
    events = history(random)
    simulation = simulate(seed, Feedback(), partitions=random.randrange(1, 4))
    pending = [*events, *random.sample(events, len(events) // 3)]
    for at, event in pending:
        simulation.publish(event["feedback_id"], with_fields(typed(at, event).value(), device="phone"))
        if random.random() < 0.1:
            simulation.publish("x", random.choice(INVALID_VALUES))
        for _ in range(random.randrange(4)):
            simulation.step()
    partitions = simulation.finish()
    views = dict(partitions[0].config.views)
    assert stored_figures(partitions) == by_hour(feedback(events, views)), f"seed {seed}"
    for partition, log in zip(partitions, simulation.logs, strict=True):
        assert sum(partition.outcome_counts.values()) == len(log), f"seed {seed}"
        assert devices(partition) == partition.outcome_counts["accepted"], f"seed {seed}"
        assert not [n for block in partition.panes.blocks.values() for n in block.values() if n < 0], (
            f"seed {seed}"
        )
        assert list(pane_differences(partition)) == [], f"seed {seed}"
    invalid = sum(p.outcome_counts["invalid"] + p.outcome_counts["unknown_type"] for p in partitions)
    assert len(simulation.dead_letters) == invalid, f"seed {seed}"


@pytest.mark.parametrize("block", range(10))
def test_every_feedback_history_ends_with_the_figures_of_the_oracle(block: int) -> None:
    """A failure names its seed. CX_TEST_HISTORIES sets the number of histories."""
    seeds = HISTORIES // 10
    for seed in range(block * seeds, (block + 1) * seeds):
        check_feedback_history(seed)


def check_against_uninterrupted_run(
    seed: int, domain: Domain, simulate: type[Simulation] = Simulation
) -> None:
    """Compare the panes, block by block, with those of one process that read each event once."""
    random = Random(seed)
    generate = {"tickets": tickets, "customers": customers}[domain.name]
    events = list(generate(random, random.randrange(5, 30), 3, NOW))
    simulation = simulate(seed, domain, partitions=random.randrange(1, 4))
    for event in [*events, *random.sample(events, len(events) // 3)]:
        value = with_fields(event.value(), device="phone")
        simulation.publish(owner_of(event.data), value, event.stamp)
        for _ in range(random.randrange(4)):
            simulation.step()
    accepted = 0
    for partition, log in zip(simulation.finish(), simulation.logs, strict=True):
        own_events = [
            e
            for e in events
            if partition_of_key(owner_of(e.data), simulation.partition_count) == partition.number
        ]
        assert partition.panes.blocks == once(partition, records(own_events)).panes.blocks, f"seed {seed}"
        assert list(pane_differences(partition)) == [], f"seed {seed}"
        assert sum(partition.outcome_counts.values()) == len(log), f"seed {seed}"
        assert devices(partition) == partition.outcome_counts["accepted"], f"seed {seed}"
        accepted += partition.outcome_counts["accepted"]
    derived = sum(event.data.TYPE.endswith(("responded.v1", "summarized.v1")) for event in events)
    assert accepted == len(events) - derived, f"seed {seed}"
    assert simulation.dead_letters == [], f"seed {seed}"


@pytest.mark.parametrize("domain", [Tickets(), Customers()], ids=lambda domain: domain.name)
@pytest.mark.parametrize("block", range(5))
def test_histories_of_tickets_and_customers_end_like_an_uninterrupted_run(block: int, domain: Domain) -> None:
    """After crashes, replays, takeovers and fencing, under the last settings. A failure names its seed."""
    seeds = HISTORIES // 15
    for seed in range(block * seeds, (block + 1) * seeds):
        check_against_uninterrupted_run(seed, domain)
