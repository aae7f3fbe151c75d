"""Revisions, buckets and retention of interactions."""

from itertools import permutations

from stream.core.aggregation.tickets import Tickets
from stream.core.metrics.aht import METRIC
from tests.core.aggregation.tickets.events import counted, handled, metric_figures
from tests.support import DAY, HOUR, MINUTE, NOW, aggregation_config, finish_restore, records, single

MEAN = "cx_handle_mean_seconds"


def test_the_highest_revision_counts_in_any_order() -> None:
    """It counts in the bucket of the earliest time.

    A lower revision after a higher one is a duplicate that still moves it.
    """
    first = handled(NOW - 2 * HOUR, 100, interaction_id="i", stamp=NOW)
    second = handled(NOW, 300, interaction_id="i", revision=1)
    for order, outcomes in (([first, second], (2, 0)), ([second, first], (1, 1))):
        partition = counted(order)
        assert (partition.outcome_counts["accepted"], partition.outcome_counts["duplicate"]) == outcomes
        assert metric_figures(METRIC, partition, NOW, "24h")[MEAN,] == 300
        assert (MEAN,) not in metric_figures(METRIC, partition, NOW, "1h")


def test_of_equal_revisions_the_newest_counts() -> None:
    """At one moment the one with the greatest ID. The same event is a duplicate."""
    older = handled(NOW - MINUTE, 100, interaction_id="i", stamp=NOW)._replace(id="z")
    first = handled(NOW, 200, interaction_id="i")._replace(id="a")
    second = handled(NOW, 300, interaction_id="i")._replace(id="b")
    for order in permutations((older, first, second)):
        partition = counted([*order, *order])
        assert partition.outcome_counts["duplicate"] >= 3
        assert metric_figures(METRIC, partition, NOW)[MEAN,] == 300


def test_with_another_ticket_it_is_another_interaction() -> None:
    """The same ID with two tickets and without one, also if a ticket has the ID of the interaction."""
    partition = counted(
        [
            handled(NOW, 100, interaction_id="i"),
            handled(NOW, 200, interaction_id="i", ticket_id="t"),
            handled(NOW, 600, interaction_id="i", ticket_id="i"),
        ]
    )
    assert metric_figures(METRIC, partition, NOW)[MEAN,] == 300


def test_a_revision_may_change_the_outcome_and_the_dimensions() -> None:
    """The revision is abandoned, on another channel."""
    partition = counted(
        [
            handled(NOW, 100, interaction_id="i", channel="phone"),
            handled(NOW, 0, interaction_id="i", revision=3, outcome="abandoned", channel="chat"),
        ]
    )
    assert (
        metric_figures(METRIC, partition, NOW, view="channel", values=("phone",))["cx_handled_interactions",]
        == 0
    )
    assert (
        metric_figures(METRIC, partition, NOW, view="channel", values=("chat",))["cx_abandoned_interactions",]
        == 1
    )


def test_old_interactions_are_late_and_stored_ones_expire() -> None:
    """The limit is the longest window and a day behind the hour of the record, like that of answers."""
    partition = single(Tickets())
    old = [handled(NOW - 32 * DAY, 1, stamp=NOW), handled(NOW - 30 * DAY, 1, interaction_id="i", stamp=NOW)]
    partition.process(records(old), NOW)
    assert (partition.outcome_counts["late"], partition.outcome_counts["accepted"]) == (1, 1)
    partition.prepare_flush(NOW, 0)
    assert len(partition.store.entities) == 1
    partition.checkpoint.watermark = later = NOW + 2 * DAY
    flush = partition.prepare_flush(later, 0)
    assert not partition.store.entities
    assert [value for _, value in flush.state] == [None]
    partition.checkpoint.watermark = later = NOW + 40 * DAY
    partition.prepare_flush(later, 0)
    assert not partition.panes.blocks


def test_another_config_derives_contributions_again() -> None:
    """A new view by priority uses a field that is stored but was not used before."""
    partition = counted([handled(NOW, 100, priority="high")])
    changed = aggregation_config(views={"total": (), "priority": ("priority",)}, config_hash="other")
    rebuilt = single(Tickets(), changed)
    for key, value in partition.store.entities.items():
        rebuilt.restore_state(key, value)
    rebuilt.checkpoint = partition.checkpoint
    assert finish_restore(rebuilt)
    assert metric_figures(METRIC, rebuilt, NOW, view="priority", values=("high",))[MEAN,] == 100
