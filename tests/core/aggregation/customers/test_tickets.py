"""First contact resolution, derived from the summaries of tickets."""

from typing import Any

import pytest

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import fcr
from tests.core.aggregation.customers.events import (
    activated,
    counted,
    erased,
    opened,
    outcomes,
    solved,
    summarized,
)
from tests.support import DAY, HOUR, MINUTE, NOW, Event, aggregation_config, figures, records, rows, single

WEEK = 7 * DAY
RETENTION = 38 * DAY


def results(
    partition: PartitionTask, now: int = NOW, window: str = "30d", **labels: str
) -> tuple[float, float]:
    """Return the provisional numbers of first contacts and of others."""
    view, values = next(((name, (value,)) for name, value in labels.items()), ("total", ()))
    by_series = figures(fcr.METRIC, partition, now, window, view, values)
    name = "cx_fcr_tickets"
    return by_series[name, "provisional", "first_contact"], by_series[name, "provisional", "other"]


def process_and_flush(partition: PartitionTask, *events: Event) -> None:
    """Process further events and flush."""
    clock = max(partition.checkpoint.watermark, *(event.stamp for event in events))
    partition.process(records(events, partition.next_offset), clock)
    partition.prepare_flush(clock, 0)
    assert list(pane_differences(partition)) == []


FIRST_CONTACT, OTHER, UNSOLVED = (1, 0), (0, 1), (0, 0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, FIRST_CONTACT),
        ({"one_contact": False}, OTHER),
        ({"reopened": NOW}, OTHER),
        ({"reopened": NOW + WEEK}, OTHER),
        ({"reopened": NOW + WEEK + 1}, FIRST_CONTACT),
        ({"solved": None, "one_contact": False}, UNSOLVED),
        ({"gone": True}, UNSOLVED),
        ({"customer_id": None}, FIRST_CONTACT),
        ({"customer_id": None, "gone": True}, UNSOLVED),
    ],
)
def test_one_ticket(fields: dict[str, Any], expected: tuple[int, int]) -> None:
    """Both ends of the week are inside."""
    assert results(counted([solved(**fields)])) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (opened("u", NOW), OTHER),
        (opened("u", NOW - 1), FIRST_CONTACT),
        (opened("u", NOW + WEEK), OTHER),
        (opened("u", NOW + WEEK + 1), FIRST_CONTACT),
        (opened("u", NOW + 1, gone=True), FIRST_CONTACT),
        (opened("u", NOW + 1, topic="bill"), FIRST_CONTACT),
        (opened("u", NOW + 1, customer_id="b"), FIRST_CONTACT),
        (opened("u", NOW + 1, customer_id=None), FIRST_CONTACT),
        (summarized("u", at=NOW + 1), FIRST_CONTACT),
    ],
)
def test_another_ticket(other: Event, expected: tuple[int, int]) -> None:
    """Of the same customer and topic within a week after the solve, both ends inside, in any order of reading."""
    for first, second in ((solved(), other), (other, solved())):
        assert results(counted([first, second])) == expected
        partition = counted([first])
        process_and_flush(partition, second)
        assert results(partition) == expected


def test_absent_topics_are_equal_and_equal_topics_are() -> None:
    """The dimension `ticket_topic` at the solve is another thing."""
    same = [solved(topic="bill"), opened("u", NOW + 1, topic="bill", ticket_topic="login")]
    assert results(counted(same)) == OTHER


def test_tickets_without_customer_have_no_others() -> None:
    """Two of them within a minute are two first contacts."""
    pair = [solved(customer_id=None), solved("u", NOW + 1, created=NOW + 1, customer_id=None)]
    assert results(counted(pair)) == (2, 0)


def test_a_ticket_created_in_the_moment_of_its_own_solve_is_no_other() -> None:
    """Unless a second one was created in that moment. Then both have another."""
    assert results(counted([solved(created=NOW)])) == FIRST_CONTACT
    assert results(counted([solved(created=NOW), solved("u", created=NOW)])) == (0, 2)
    assert results(counted([solved(created=NOW), solved("u", NOW + MINUTE, created=NOW + MINUTE)])) == (1, 1)


def test_the_highest_number_replaces_the_others_whole() -> None:
    """In any order. Of equal ones the later read."""
    first, second = solved(number=5, channel="web"), solved(number=7, one_contact=False, channel="app")
    for events in ([first, second], [second, first], [first, second, first]):
        assert results(counted(events)) == OTHER
        assert results(counted(events), channel="web") == UNSOLVED
    assert results(counted([first, solved(number=5, one_contact=False)])) == OTHER
    assert results(counted([solved(number=5, one_contact=False), first])) == FIRST_CONTACT


def test_a_ticket_that_is_no_more_keeps_its_number() -> None:
    """An older summary that is read later changes nothing. A newer one brings the ticket back."""
    removed = summarized(number=7, gone=True)
    partition = counted([solved(number=5), removed])
    process_and_flush(partition, solved(number=6))
    assert results(partition) == UNSOLVED
    process_and_flush(partition, solved(number=8))
    assert results(partition) == FIRST_CONTACT


def test_a_repeat_contact_that_is_no_more_gives_the_first_contact_back() -> None:
    """Also if it moves to another topic, in a flush of its own."""
    partition = counted([solved(), opened("u", NOW + 1, number=1)])
    assert results(partition) == OTHER
    process_and_flush(partition, opened("u", NOW + 1, number=2, topic="bill"))
    assert results(partition) == FIRST_CONTACT
    process_and_flush(partition, opened("u", NOW + 1, number=3))
    assert results(partition) == OTHER
    process_and_flush(partition, summarized("u", at=NOW + 2, number=4, gone=True))
    assert results(partition) == FIRST_CONTACT


def test_tickets_solved_in_one_moment_are_told_apart() -> None:
    """One of them is reopened. The other is still found when a third ticket is created."""
    partition = counted([solved("t"), solved("u")])
    process_and_flush(partition, solved("u", number=1, reopened=NOW + DAY))
    assert results(partition) == (1, 1)
    process_and_flush(partition, opened("v", NOW + 2 * DAY))
    assert results(partition) == (0, 2)


def test_the_dimensions_are_those_of_the_summary() -> None:
    """Of the ticket at its solve, its topic then included, and only labels that are configured."""
    views = {name: (name,) for name in ("total", "channel", "team", "ticket_topic", "region")} | {"total": ()}
    fields = {"channel": "web", "team": "front", "ticket_topic": "bill", "labels": {"region": "eu", "x": "y"}}
    partition = counted([solved(topic="login", **fields)], config=aggregation_config(views=views))
    for view, value in (("channel", "web"), ("team", "front"), ("ticket_topic", "bill"), ("region", "eu")):
        assert results(partition, **{view: value}) == FIRST_CONTACT
    assert results(partition, ticket_topic="login") == UNSOLVED
    assert partition.checkpoint.ignored_labels == {}


def test_summaries_have_their_own_outcome_and_move_no_clock() -> None:
    """Whatever becomes of them."""
    partition = counted([solved(number=5), solved(number=5), solved(number=4)])
    assert outcomes(partition) == {"derived": 3}
    assert (partition.checkpoint.watermark, partition.checkpoint.max_event_time) == (0, 0)


def test_a_ticket_of_nobody_is_never_a_customer() -> None:
    """Its ID may be that of a customer, who may be erased."""
    partition = counted([solved("a", customer_id=None), activated("a"), solved("t")])
    process_and_flush(partition, erased("a", NOW + 1))
    assert {key[:1] for key in partition.store.entities} == {b"a", b"e", b"r"}
    assert results(partition) == (2, 0)


def test_an_erasure_leaves_fcr_as_it_was_judged() -> None:
    """The tickets and their topics are deleted. What is read later does not find them."""
    partition = counted([solved(), solved("u", NOW - WEEK), opened("open", NOW - DAY)])
    assert results(partition) == (1, 1)
    process_and_flush(partition, erased("a", NOW + 1))
    assert {key[:1] for key in partition.store.entities} == {b"e", b"r"}
    process_and_flush(partition, opened("v", NOW + 2), solved("late", NOW - MINUTE, number=9))
    assert results(partition) == (1, 1)


def test_resolved_tickets_are_forgotten_38_days_after_they_were_judged() -> None:
    """Unresolved ones are not. One without a watermark counts from the timestamp of its record."""
    partition = counted([activated("b"), solved(), opened("u", NOW), summarized("v", gone=True)])
    for watermark, n in ((NOW + RETENTION - 1, 3), (NOW + RETENTION, 1), (NOW + 2 * RETENTION, 1)):
        partition.checkpoint.watermark = watermark
        partition.prepare_flush(watermark, 0)
        assert sum(key[:1] == b"s" for key in partition.store.entities) == n
    partition = counted([solved()])
    process_and_flush(partition, activated("b", NOW + DAY))
    assert any(key[:1] == b"s" for key in partition.store.entities)


def test_a_partition_of_summaries_alone_does_not_grow() -> None:
    """Summaries, topics and panes expire by the timestamps of the summaries, after a restore, too."""
    partition = single(Customers())
    sizes = set()
    for n in range(150):
        at = NOW + n * DAY
        process_and_flush(partition, solved(f"t{n}", at, topic=f"topic {n}"))
        if n == 90:
            restored = PartitionTask(Customers(), 0, 1, partition.config)
            for key, raw in partition.store.entities.items():
                restored.restore_state(key, raw)
            for key, block in rows(partition.panes):
                restored.restore_panes(key, block)
            restored.checkpoint = partition.checkpoint
            assert not restored.needs_rebuild
            restored.finish_restore()
            partition = restored
        if n >= 75:
            sizes.add(len(partition.store.entities))
    assert max(sizes) <= 2 * 39
    assert len(partition.panes.blocks) <= 75
    assert partition.checkpoint.watermark == 0
    assert results(partition, NOW + 149 * DAY) == (30, 0)


@pytest.mark.parametrize("flushes", [True, False])
def test_forgetting_is_decided_when_a_summary_is_judged(flushes: bool) -> None:
    """With or without a flush between, an older number counts for a forgotten ticket, and not before."""
    for late, expected in ((NOW + RETENTION - 1, UNSOLVED), (NOW + RETENTION, FIRST_CONTACT)):
        partition = single(Customers())
        history = [activated("b"), solved(number=5), activated("b", late)]
        older = solved("t", late, number=4)
        for batch in [history, [older]] if flushes else [[*history, older]]:
            process_and_flush(partition, *batch)
        assert results(partition, late) == expected


def test_the_repeat_index_is_forgotten() -> None:
    """Creations and solves that no pane depends on are dropped, the index expires with the newest of them."""
    partition = counted([activated("b"), solved(), opened("u", NOW, topic="bill")])
    assert sum(key[:1] == b"q" for key in partition.store.entities) == 2
    late = NOW + RETENTION + 2 * HOUR
    process_and_flush(partition, activated("b", late), solved("v", late))
    assert sum(key[:1] == b"q" for key in partition.store.entities) == 1
    assert results(partition, late) == FIRST_CONTACT
    process_and_flush(partition, activated("b", late + RETENTION + 2 * HOUR))
    assert not any(key[:1] == b"q" for key in partition.store.entities)


def test_thousands_of_tickets_of_one_customer_stay_bounded() -> None:
    """A summary takes less than 150 bytes, the index 37 a ticket."""
    n = 2_000
    partition = counted([solved(f"ticket {i}", NOW + i * MINUTE, created=NOW + i * MINUTE) for i in range(n)])
    assert results(partition, NOW + n * MINUTE) == (1, n - 1)
    for key, raw in partition.store.entities.items():
        assert len(key) + len(raw) < (37 * n + 100 if key[:1] == b"q" else 150)
