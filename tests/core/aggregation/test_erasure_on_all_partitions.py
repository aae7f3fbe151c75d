"""An erasure reaches every partition of feedback and tickets, and what belongs to an erased person stays erased."""

from itertools import permutations
from typing import Any

import pytest

from schemas.customers import CustomerErased
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.metrics import aht, resolution
from tests.core.aggregation.tickets.events import created, handled, message, metric_figures, status, updated
from tests.support import DAY, HOUR, NOW, Event, FakeRecord, aggregation_config, records, single

CANARY = "canary-5318008"


def erased(at: int = NOW, person: str = CANARY, stamp: int | None = None) -> Event:
    return Event(CustomerErased(customer_id=person), at, at if stamp is None else stamp, f"erased {at}")


def run(task: PartitionTask, *events: Event) -> dict[str, int]:
    """Process events, flush, and return the outcomes so far."""
    clock = max(event.stamp for event in events)
    task.process(records(events, task.next_offset), clock)
    task.prepare_flush(clock, 0)
    assert list(pane_differences(task)) == []
    return {outcome: n for outcome, n in task.outcome_counts.items() if n}


def of(task: PartitionTask, metric: Any, name: str, at: int = NOW) -> float:
    return metric_figures(metric, task, at)[(name,)]


@pytest.mark.parametrize("domain", [Feedback(), Tickets()])
def test_the_partition_that_reads_it_forwards_a_copy_to_all_others(domain: Domain) -> None:
    """Wherever it is read, it is at home. Copies are not forwarded, nor is a duplicate."""
    for number in range(3):
        task = PartitionTask(domain, number, 3, aggregation_config())
        task.process(records([erased()]), NOW)
        copies = task.prepare_flush(NOW, 0).forwards
        assert [copy.partition for copy in copies] == [n for n in range(3) if n != number]
        assert {copy.key for copy in copies} == {CANARY.encode()}
        task.process(records([erased()], 1), NOW)
        assert task.prepare_flush(NOW, 0).forwards == []
        for copy in copies:
            other = PartitionTask(domain, copy.partition or 0, 3, aggregation_config())
            for offset in (0, 1):
                record = FakeRecord(offset, NOW, copy.key, copy.value, copy.headers)
                other.process([record], NOW)
            assert other.prepare_flush(NOW, 0).forwards == []
            assert (other.outcome_counts["accepted"], other.outcome_counts["duplicate"]) == (1, 1)


def test_unresolved_tickets_are_withdrawn_and_resolved_ones_stay_counted() -> None:
    """Nothing of the person is stored, and the hash of each entity is remembered."""
    task = single(Tickets())
    events = [
        created(NOW, "open", customer_id=CANARY),
        created(NOW, "solved", customer_id=CANARY),
        status(NOW, "solved", "solved"),
        message(NOW, ticket="orphan", customer_id=CANARY),
        created(NOW, "other", customer_id="b"),
    ]
    run(task, *events)
    assert of(task, resolution.METRIC, "cx_orphan_tickets") == 1
    run(task, erased(NOW + HOUR))
    assert of(task, resolution.METRIC, "cx_open_tickets") == 1
    assert of(task, resolution.METRIC, "cx_orphan_tickets") == 0
    assert metric_figures(resolution.METRIC, task, NOW)["cx_resolved_tickets", "full"] == 1
    assert {key[:1] for key in task.store.entities} == {b"t", b"e", b"x", b"r"}
    assert sum(key[:1] == b"x" for key in task.store.entities) == 3
    assert not any(
        CANARY.encode() in key or CANARY.encode() in raw for key, raw in task.store.entities.items()
    )


def test_a_ticket_goes_with_its_present_customer() -> None:
    """Not with a former one."""
    for moved_to, left in (("b", 1), (CANARY, 0)):
        task = single(Tickets())
        former = CANARY if moved_to == "b" else "b"
        run(task, created(NOW, customer_id=former), updated(NOW + 1, customer_id=moved_to), erased(NOW + 2))
        assert of(task, resolution.METRIC, "cx_open_tickets") == left


def test_interactions_go_by_their_own_customer_or_else_their_tickets() -> None:
    """One that names another customer stays. One without a ticket of the same ID is another."""
    task = single(Tickets())
    run(
        task,
        created(NOW, customer_id=CANARY),
        handled(NOW, 60, ticket_id="t", interaction_id="nobody"),
        handled(NOW, 60, ticket_id="t", interaction_id="other", customer_id="b"),
        handled(NOW, 60, interaction_id="t"),
        handled(NOW, 60, interaction_id="own", customer_id=CANARY),
    )
    # the last interaction of the ticket that names somebody names the ticket's customer, too
    run(task, updated(NOW + 1, customer_id=CANARY), erased(NOW + 2))
    left = [key for key in task.store.entities if key[:1] in b"ij"]
    assert left == [b"i\x00\x01tother", b"jt"]
    assert of(task, aht.METRIC, "cx_handled_interactions") == 4


def test_events_that_name_nobody_are_erased_with_their_entity() -> None:
    """Whatever their time. Those of the person are erased up to the erasure, later ones start afresh."""
    task = single(Tickets())
    run(task, created(NOW, customer_id=CANARY), handled(NOW, 60, ticket_id="t", interaction_id="i"))
    later = NOW + 3 * HOUR
    outcomes = run(
        task,
        erased(NOW + HOUR),
        message(later),
        handled(later, 60, ticket_id="t", interaction_id="another"),
        status(NOW + HOUR, "open", customer_id=CANARY),
        created(later, customer_id=CANARY),
        message(later + 1),
    )
    assert outcomes == {"accepted": 4, "erased": 4}
    assert of(task, resolution.METRIC, "cx_open_tickets", later) == 1


def test_what_is_dated_after_the_erasure_but_was_read_before_goes_too() -> None:
    """In one batch as in several."""
    events = [created(NOW + DAY, customer_id=CANARY, stamp=NOW + DAY), erased(NOW, stamp=NOW + DAY)]
    for batches in ([events], [[event] for event in events]):
        task = single(Tickets())
        for batch in batches:
            run(task, *batch)
        assert of(task, resolution.METRIC, "cx_open_tickets", NOW + DAY) == 0


def test_an_event_of_another_customer_for_an_erased_ticket_starts_afresh() -> None:
    """Also in the batch of the erasure: the pending erasure is executed first."""
    task = single(Tickets())
    run(task, created(NOW, customer_id=CANARY), erased(NOW + 1), created(NOW + 2, customer_id="b"))
    (key,) = (key for key in task.store.entities if key[:1] == b"t")
    assert task.kinds.of(key).person(key, task.store.entities[key]) == b"b"


def test_erasures_are_remembered_for_the_retention_of_the_topics() -> None:
    """75 days by default after their record, and for ever if records are kept for ever."""
    for retention, left in ((75 * DAY, False), (None, True)):
        task = single(Tickets(), aggregation_config(erasure_retention=retention))
        run(task, created(NOW, customer_id=CANARY), erased(NOW))
        for age, remembered in ((75 * DAY - 1, True), (75 * DAY, left)):
            task.checkpoint.watermark = NOW + age
            task.prepare_flush(NOW + age, 0)
            assert any(key[:1] in b"ex" for key in task.store.entities) == remembered


def test_an_erasure_past_its_retention_erases_nothing_in_one_batch_either() -> None:
    """Whether a flush has deleted it or not."""
    end = NOW + 75 * DAY
    for stamp, outcome in ((end - 1, "erased"), (end, "accepted")):
        events = [created(NOW, customer_id=CANARY), erased(NOW), created(NOW, "other", stamp=stamp)]
        for late in (message(NOW, stamp=stamp), created(NOW, "u", customer_id=CANARY, stamp=stamp)):
            batches = run(single(Tickets()), *events, late)
            task = single(Tickets())
            for event in (*events, late):
                flushed = run(task, event)
            assert batches == flushed
            assert batches.get("erased", 0) == (outcome == "erased")


def test_the_order_of_erasure_and_older_events_does_not_matter() -> None:
    """What is open is withdrawn or never counted."""
    events = [created(NOW, customer_id=CANARY), message(NOW + 1, customer_id=CANARY), erased(NOW + HOUR)]
    for shuffled in permutations(events):
        task = single(Tickets())
        run(task, *shuffled)
        assert of(task, resolution.METRIC, "cx_open_tickets") == 0
        assert not any(key[:1] == b"t" for key in task.store.entities)
