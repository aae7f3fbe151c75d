"""Decisions to leave, in worked cases."""

from itertools import permutations

import pytest

from stream.core.aggregation.customers import Customers, lifecycle
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import churn
from stream.core.metrics.leaving import METRIC
from stream.core.model.aggregates.customers import CHURNED, LEAVING, ChurnedLayout
from stream.core.model.pane_blocks import unpack_block
from stream.core.model.time_buckets import MINUTES
from tests.core.aggregation.customers.events import (
    activated,
    churned,
    counted,
    erased,
    notice,
    updated,
    withdrawn,
)
from tests.support import DAY, HOUR, MINUTE, NOW, Event, count, figures, records, single

LONG_AGO = NOW - 200 * DAY


def leaving(
    events_or_task: list[Event] | PartitionTask, now: int = NOW, window: str = "30d", **filters: object
) -> float:
    """Return the decisions to leave in a window."""
    partition = counted(events_or_task) if isinstance(events_or_task, list) else events_or_task
    (value,) = figures(METRIC, partition, now, window, **filters).values()
    return value


def minutes(partition: PartitionTask, aggregate: str, component: int) -> dict[int, int]:
    """Return the counts of a component in `total` by age of the minute pane in minutes."""
    counts_by_age: dict[int, int] = {}
    for key, block in partition.panes.blocks.items():
        if (key.resolution, key.cell.aggregate, key.cell.view) == (MINUTES.code, aggregate, "total"):
            for minute, entry, n in unpack_block(key.resolution, key.block, block):
                if entry == component:
                    age = NOW // MINUTE - minute
                    counts_by_age[age] = counts_by_age.get(age, 0) + n
    return counts_by_age


def test_without_events_there_is_a_zero() -> None:
    """Only in `total`."""
    assert leaving([]) == 0


def test_a_notice_counts_at_its_moment_and_the_churn_after_it_does_not() -> None:
    """The end of the contract is no decision."""
    events = [activated("a", LONG_AGO), notice("a", NOW - 20 * DAY, NOW)]
    assert (leaving(events), leaving(events, window="7d")) == (1, 0)
    events.append(churned("a", NOW))
    assert (leaving(events), leaving(events, window="7d")) == (1, 0)


def test_a_voluntary_churn_without_notice_counts() -> None:
    """Also of one that does not say, which is voluntary. One for a failed payment does not count."""
    lives = [activated(name, LONG_AGO) for name in "abc"]
    assert leaving([*lives, churned("a", voluntary=True), churned("b"), churned("c", voluntary=False)]) == 2


def test_a_notice_that_is_withdrawn_takes_its_count_away() -> None:
    """The churn that follows all the same is the decision then."""
    events = [activated("a", LONG_AGO), notice("a", NOW - 9 * DAY), withdrawn("a", NOW - 8 * DAY)]
    assert leaving(events) == 0
    assert leaving([*events, churned("a", NOW)], window="1h") == 1
    assert leaving([*events, churned("a", NOW, voluntary=False)]) == 0
    once_more = [*events, notice("a", NOW - 2 * DAY), churned("a", NOW)]
    assert (leaving(once_more), leaving(once_more, window="24h"), leaving(once_more, window="7d")) == (
        1,
        0,
        1,
    )


def test_of_several_notices_the_first_that_stands_counts() -> None:
    """One that only moves the end of the contract is no second decision."""
    events = [activated("a", LONG_AGO), notice("a", NOW - 9 * DAY), notice("a", NOW - DAY)]
    assert (leaving(events), leaving(events, window="7d")) == (1, 0)
    later = [*events, withdrawn("a", NOW - 5 * DAY)]
    assert (leaving(later), leaving(later, window="7d")) == (1, 1)


def test_a_notice_before_an_involuntary_churn_was_a_decision() -> None:
    events = [activated("a", LONG_AGO), notice("a", NOW - DAY), churned("a", NOW, voluntary=False)]
    assert leaving(events) == 1


def test_an_activation_takes_a_notice_back() -> None:
    """So does a switch of plan, whose churn is no decision either. An update does neither."""
    events = [activated("a", LONG_AGO), notice("a", NOW - 3 * DAY)]
    assert leaving([*events, updated("a", NOW - DAY, plan="pro")]) == 1
    assert leaving([*events, activated("a", NOW - DAY, plan="pro")]) == 0
    switch = [activated("a", NOW - DAY, plan="pro"), churned("a", NOW - DAY)]
    assert leaving([*events, *switch]) == 0
    assert leaving([*events, *switch, notice("a", NOW)], window="1h") == 1


def test_each_life_has_its_own_decision() -> None:
    """A return begins a new life, in which the old notice means nothing."""
    events = [
        activated("a", LONG_AGO),
        notice("a", NOW - 20 * DAY),
        churned("a", NOW - 10 * DAY),
        activated("a", NOW - 5 * DAY),
        churned("a", NOW),
    ]
    assert (leaving(events), leaving(events, window="1h")) == (2, 1)


def test_notices_and_churns_of_nobody_active_are_no_decisions() -> None:
    """Until a late activation makes them so."""
    events = [notice("a", NOW - DAY), notice("b", NOW - DAY), churned("c", NOW - DAY)]
    events += [activated("b", LONG_AGO), churned("b", NOW - 3 * DAY), notice("b", NOW - 2 * DAY)]
    assert leaving(events) == 1
    assert leaving([*events, activated("a", NOW - 2 * DAY), activated("c", NOW - 2 * DAY)]) == 3


def test_a_life_of_no_length_has_a_decision_at_its_moment() -> None:
    """A notice of that moment comes too late for it."""
    assert leaving([activated("a", NOW), churned("a", NOW), notice("a", NOW)]) == 1


def test_one_moment_is_ordered_by_what_the_events_are() -> None:
    """A churn before the notice of its moment, a notice before its withdrawal."""
    start = activated("a", LONG_AGO)
    assert leaving([start, notice("a", NOW), withdrawn("a", NOW)]) == 0
    assert leaving([start, notice("a", NOW), churned("a", NOW)]) == 1
    assert leaving([start, notice("a", NOW), churned("a", NOW, voluntary=False)]) == 0


def test_decisions_carry_the_present_dimensions() -> None:
    """As all customer figures do."""
    events = [
        activated("a", LONG_AGO, channel="shop"),
        notice("a", NOW - DAY),
        updated("a", NOW, channel="web"),
    ]
    assert leaving(events[:2], view="channel", values=("shop",)) == 1
    assert leaving(events, view="channel", values=("shop",)) == 0
    assert leaving(events, view="channel", values=("web",)) == 1


def test_any_order_of_reading_gives_the_same_panes() -> None:
    """Two lives, a withdrawn notice, one that stands, a voluntary churn."""
    history = [
        activated("a", NOW - 9 * DAY, NOW),
        notice("a", NOW - 8 * DAY)._replace(stamp=NOW),
        withdrawn("a", NOW - 7 * DAY)._replace(stamp=NOW),
        churned("a", NOW - 5 * DAY, NOW),
        activated("a", NOW - 4 * DAY, NOW),
        notice("a", NOW - DAY)._replace(stamp=NOW),
    ]
    expected = counted(history).panes.blocks
    assert leaving(history) == 2
    for order in permutations(history):
        partition = single(Customers())
        for record in records(order):
            partition.process([record], NOW)
            partition.prepare_flush(NOW, 0)
        assert partition.panes.blocks == expected


def test_an_erasure_withdraws_the_decision_of_the_present_life_only() -> None:
    """Those of finished lives stay."""
    events = [
        activated("a", LONG_AGO),
        churned("a", NOW - 9 * DAY),
        activated("a", NOW - 8 * DAY),
        notice("a", NOW - 7 * DAY),
    ]
    assert leaving(events) == 2
    assert leaving([*events, erased("a", NOW)]) == 1


def test_a_notice_longer_ago_than_panes_reach_back_keeps_the_churn_out() -> None:
    """Of a contract that ends a year later: the notice is forgotten by no expiry."""
    events = [activated("a", NOW - 400 * DAY), notice("a", NOW - 360 * DAY), notice("a", NOW - 100 * DAY)]
    steps = [*events, updated("a", NOW - DAY, plan="pro"), churned("a", NOW)]
    partition = single(Customers())
    for record in records(steps):
        partition.process([record], record.timestamp)
        partition.prepare_flush(record.timestamp, 0)
    assert leaving(partition) == 0
    assert figures(churn.METRIC, partition, NOW, "30d")["cx_churned_voluntary_customers", "true"] == 1


@pytest.mark.parametrize("last", ["a churn", "a notice"])
def test_archived_lives_and_dropped_events_leave_no_decision_out(
    last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 30 lives 27 are archived. The notice stands among more activations and withdrawals than are kept."""
    monkeypatch.setattr(lifecycle, "MAX_OTHER_EVENTS", 2)
    monkeypatch.setattr(lifecycle, "MAX_FINISHED_PERIODS", 3)
    events = []
    for n in range(30):
        start = NOW - (31 - n) * HOUR
        events += [activated("a", start), notice("a", start + MINUTE), withdrawn("a", start + 2 * MINUTE)]
        events += [notice("a", start + minute * MINUTE) for minute in (3, 4, 5, 6, 7)]
        events.append(churned("a", start + 50 * MINUTE))
    events += [activated("a", NOW - 10 * MINUTE)]
    events += [churned("a", NOW)] if last == "a churn" else [notice("a", NOW)]
    partition = counted(events)
    assert leaving(partition) == 31
    assert minutes(partition, LEAVING.name, 0) == {0: 1, 117: 1}


def test_payment_churns_are_in_the_minute_panes_of_churns() -> None:
    """Detectors read them there, whatever their reasons are."""
    events = [activated(name, LONG_AGO) for name in "abcd"]
    events += [churned("a", NOW, reason="card", voluntary=False), churned("b", NOW, voluntary=False)]
    events += [churned("c", NOW - 3 * MINUTE, voluntary=False), churned("d", NOW - 3 * MINUTE)]
    partition = count(Customers(), events)
    assert minutes(partition, CHURNED.name, ChurnedLayout.INVOLUNTARY) == {0: 2, 3: 1}
    assert minutes(partition, LEAVING.name, 0) == {3: 1}
