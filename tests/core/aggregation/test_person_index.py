"""The index of persons equals a scan of the entities after any history, and an erasure reads no other entity."""

import json
from random import Random
from typing import Any, NoReturn

import pytest

from schemas.customers import CustomerErased
from stream.core.aggregation.entities import MemoryEntities
from stream.core.aggregation.person_index import PersonIndex
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.aggregation.tickets.entity import TICKET
from stream.core.aggregation.tickets.interactions import INTERACTION
from tests.core.aggregation.customers.events import erased
from tests.core.aggregation.pipeline import Pipeline
from tests.core.aggregation.test_independence import generated
from tests.core.aggregation.tickets import events as ticket
from tests.support import DAY, HOUR, NOW, Event, records, single

Groups = dict[bytes, list[bytes]]


def scanned(task: PartitionTask) -> tuple[Groups, Groups]:
    """Return the sorted keys of all entities by person, and of parts that name nobody by their whole."""
    persons: Groups = {}
    wholes: Groups = {}
    for key, raw in sorted(task.store.entities.items()):
        kind = task.kinds.of(key)
        if (person := kind.person(key, raw)) is not None:
            persons.setdefault(person, []).append(key)
        elif (whole := kind.whole(key)) is not None:
            wholes.setdefault(whole, []).append(key)
    return persons, wholes


def indexed(index: PersonIndex) -> tuple[Groups, Groups]:
    """Return the same from the index."""
    persons = {person: sorted(index.of_person(person)) for person in index.by_person}
    return persons, {whole: sorted(index.parts(whole)) for whole in index.by_whole}


def with_erasures(random: Random) -> list[Event]:
    """Return events of all domains in any order, with changes of customer, and erasures of some of the customers."""
    events = list(generated(random))
    events += [
        Event(CustomerErased(customer_id=f"p{n % 5}"), NOW - random.randrange(9 * DAY), NOW, f"x{n}")
        for n in range(9)
    ]
    events += [
        ticket.handled(
            NOW - random.randrange(DAY),
            60,
            interaction_id=f"c{random.randrange(12)}",
            ticket_id=f"p{n % 7} {random.randrange(3)}",
            customer_id=random.choice([None, None, f"p{n % 7}"]),
        )
        for n in range(60)
    ]
    random.shuffle(events)
    return events


@pytest.mark.parametrize("seed", range(8))
def test_equals_a_scan_after_any_history(seed: int) -> None:
    """All domains, with erasures and changes of customer, before and after everything else has expired."""
    random = Random(seed)
    pipeline = Pipeline(2)
    events = with_erasures(random)
    for event in events:
        pipeline.publish(json.loads(event.value()), NOW, partition=random.randrange(2))
    pipeline.run(random)
    later, parts, forgotten = NOW + 500 * DAY, 0, 0
    tasks = [task for task in pipeline.tasks.values() if task.erasures.index is not None]
    assert {task.domain.name for task in tasks} == {"feedback", "tickets", "customers"}
    for task in tasks:
        index = task.erasures.index
        assert index is not None
        assert indexed(index) == scanned(task)
        parts += len(index.by_whole)
        forgotten += len(task.store.entities)
        task.checkpoint.watermark = later
        task.prepare_flush(later, 0)
        forgotten -= len(task.store.entities)
        assert indexed(index) == scanned(task)
    assert parts
    assert forgotten


class Unscannable(MemoryEntities):
    """Entities that can be looked up by key only."""

    def _refuse(self, *_: Any) -> NoReturn:
        raise AssertionError("all entities are read")

    __iter__ = items = keys = values = starting_with = _refuse


def test_an_erasure_reads_the_entities_of_the_person_only() -> None:
    """After the first one, which makes the index. The parts of a ticket that name nobody go with it."""
    task = single(Tickets())

    def process(*events: Event) -> None:
        task.process(records(events, task.next_offset), NOW)
        task.prepare_flush(NOW, 0)

    process(
        ticket.created(NOW - HOUR, "t", customer_id="p"),
        ticket.handled(NOW - HOUR, 60, interaction_id="i", ticket_id="t"),
        ticket.created(NOW - HOUR, "u", customer_id="q"),
        ticket.handled(NOW - HOUR, 60, interaction_id="i", ticket_id="u"),
        erased("nobody"),
    )
    before = list(task.store.entities)
    task.store.entities = Unscannable(task.store.entities)
    process(erased("p"))
    left = [key for key in before if key in task.store.entities and key[:1] in TICKET + INTERACTION]
    assert left == [INTERACTION + b"\0\1ui", TICKET + b"u"]
