"""Interactions: revisions, buckets, memory."""

from stream.core.aggregation.tickets import Tickets
from stream.core.metrics.aht import METRIC
from tests.core.aggregation.tickets.events import counted, handled, shown
from tests.support import DAY, HOUR, NOW, aggregation_config, records, single

MEAN = "cx_handle_mean_seconds"


def test_the_highest_revision_counts_whatever_order_they_come_in() -> None:
    """In the bucket of the earliest time; a lower one after a higher one is a duplicate that still moves it."""
    first = handled(NOW - 2 * HOUR, 100, interaction_id="i", stamp=NOW)
    second = handled(NOW, 300, interaction_id="i", revision=1)
    for order, outcomes in (([first, second], (2, 0)), ([second, first], (1, 1))):
        partition = counted(order)
        assert (partition.outcome_counts["accepted"], partition.outcome_counts["duplicate"]) == outcomes
        assert shown(METRIC, partition, NOW, "24h")[MEAN,] == 300
        assert (MEAN,) not in shown(METRIC, partition, NOW, "1h")


def test_a_repetition_changes_nothing() -> None:
    """The same revision again."""
    partition = counted([handled(NOW, 100, interaction_id="i"), handled(NOW, 200, interaction_id="i")])
    assert partition.outcome_counts["duplicate"] == 1
    assert shown(METRIC, partition, NOW)[MEAN,] == 100


def test_a_revision_may_change_the_outcome_and_the_dimensions() -> None:
    """Abandoned after all, and on another channel."""
    partition = counted(
        [
            handled(NOW, 100, interaction_id="i", channel="phone"),
            handled(NOW, 0, interaction_id="i", revision=3, outcome="abandoned", channel="chat"),
        ]
    )
    assert shown(METRIC, partition, NOW, view="channel", values=("phone",))["cx_handled_interactions",] == 0
    assert shown(METRIC, partition, NOW, view="channel", values=("chat",))["cx_abandoned_interactions",] == 1


def test_old_interactions_are_late_and_expired_ones_start_again() -> None:
    """As answers: the longest window and a day behind the hour of the record."""
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
    assert not partition.panes.blocks


def test_another_config_derives_contributions_again() -> None:
    """A view by priority, which facts had kept."""
    partition = counted([handled(NOW, 100, priority="high")])
    changed = aggregation_config(views={"total": (), "priority": ("priority",)}, config_hash="other")
    again = single(Tickets(), changed)
    for key, value in partition.store.entities.items():
        again.restore_state(key, value)
    again.checkpoint = partition.checkpoint
    assert again.finish_restore()
    assert shown(METRIC, again, NOW, view="priority", values=("high",))[MEAN,] == 100
