"""Rebuilds under other settings: in slices, of which all are written or none, whatever the number of entities."""

from collections.abc import Iterator

import pytest

from schemas.customers import CustomerActivated, CustomerErased
from schemas.feedback import FeedbackSubmitted
from schemas.keys import owner_of
from schemas.tickets import TicketCreated
from stream.core.aggregation import entities
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.rebuild import rebuild
from stream.core.aggregation.tickets import Tickets
from stream.core.model.aggregation_config import AggregationConfig
from tests.core.aggregation.simulator import Simulation, once
from tests.support import MINUTE, NOW, Event, aggregation_config, count, single

BRANDS, REGIONS = ("acme", "duck"), ("eu", "us", None)
LABELS = (("brand", "region"), ("region", "brand"), ("segment", "region", "brand"))
"""Orders of labels, under which stored values have other positions."""


def events(domain: Domain, n: int) -> Iterator[Event]:
    """Yield an event of each of `n` entities. Every fourth has a customer, of whom every third is erased in the end."""
    for i in range(n):
        labels = {"brand": BRANDS[i % 2], "region": REGIONS[i % 3]}
        customer = f"c{i}" if i % 4 == 0 else None
        at = NOW - i % 90 * MINUTE
        match domain.name:
            case "feedback":
                data = FeedbackSubmitted(
                    feedback_id=f"r{i}", survey="nps", score=i % 11, customer_id=customer, labels=labels
                )
            case "tickets":
                data = TicketCreated(ticket_id=f"t{i}", customer_id=customer, labels=labels)
            case _:
                data = CustomerActivated(customer_id=f"c{i}", labels=labels)
        yield Event(data, at, NOW)
    for i in range(0, n, 12):
        yield Event(CustomerErased(customer_id=f"c{i}"), NOW, NOW)


def labelled(labels: tuple[str, ...]) -> AggregationConfig:
    """Return settings with these labels, and views by some of them."""
    views = {"total": (), "by": ("brand", "region"), "last": labels[-1:]}
    return aggregation_config(labels=labels, views=views, config_hash="-".join(labels))


class ChangedLabels(Simulation):
    """Owners whose settings differ by the order of labels."""

    def _other_config(self) -> AggregationConfig:
        return labelled(self.random.choice(LABELS))


@pytest.mark.parametrize("domain", [Feedback(), Tickets(), Customers()], ids=lambda domain: domain.name)
def test_processes_that_die_in_a_rebuild_leave_nothing_of_it(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those with the next settings, nor those with the former ones, count anything of it."""
    monkeypatch.setattr(entities, "SLICE", 3)
    history, crashes = list(events(domain, 24)), 0
    for seed in range(20):
        simulation = ChangedLabels(seed, domain, partitions=1)
        for event in history:
            simulation.publish(owner_of(event.data), event.value(), event.stamp)
        for _ in range(30):
            simulation.step()
        (partition,) = simulation.finish()
        log = [record for record in simulation.logs[0] if not record.headers]
        assert partition.panes.blocks == once(partition, log).panes.blocks, f"seed {seed}"
        crashes += simulation.crashes
    assert crashes > 20


@pytest.mark.parametrize("domain", [Feedback(), Tickets(), Customers()], ids=lambda domain: domain.name)
def test_slices_of_any_size_give_the_same_panes_and_entities(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those counted under these settings from the beginning. No slice has more entities than it may."""
    history = list(events(domain, 100))
    before, expected = (count(domain, history, labelled(labels)) for labels in LABELS[:2])
    for size in (1, 7, 1_000):
        monkeypatch.setattr(entities, "SLICE", size)
        task = single(domain, labelled(LABELS[1]))
        task.store.entities.update(before.store.entities)
        task.checkpoint = before.prepare_flush(NOW, 0).checkpoint
        written = dict(before.store.entities)
        for part in rebuild(task):
            assert len(part.state) <= 2 * size
            for key, raw in part.state:
                if raw is None:
                    del written[key]
                else:
                    written[key] = raw
        task.finish_restore()
        assert task.panes.blocks == expected.panes.blocks
        assert task.store.entities == expected.store.entities == written
