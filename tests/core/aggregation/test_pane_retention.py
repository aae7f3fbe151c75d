"""Panes reach back two windows, further than the answers that feed them."""

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.entity import ANSWER
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import clv, nps
from tests.core.aggregation.customers.events import activated, bought
from tests.support import DAY, NOW, Event, aggregation_config, figures, finish_restore, records, rows, single

PREVIOUS, NOW_LATER = NOW + 30 * DAY, NOW + 60 * DAY
"""The ends of two windows of 30 days."""


def answer(at: int) -> Event:
    return Event(FeedbackSubmitted(feedback_id=f"r{at}", survey="nps", score=10), at, at)


def counted(partition: PartitionTask, *events: Event) -> PartitionTask:
    """Process each event at its time, with a flush after it."""
    for event in events:
        partition.process(records([event], partition.next_offset), event.stamp)
        partition.prepare_flush(event.stamp, 0)
    return partition


def under_another_view(partition: PartitionTask) -> PartitionTask:
    """Restore a partition where the settings require that its panes are rebuilt."""
    views: dict[str, tuple[str, ...]] = {"total": (), "channel": ("channel",)}
    restored = PartitionTask(partition.domain, 0, 1, aggregation_config(config_hash="other", views=views))
    restored.store.entities.update(partition.store.entities)
    for key, block in rows(partition.panes):
        restored.restore_panes(key, block)
    restored.checkpoint = partition.checkpoint
    assert finish_restore(restored)
    return restored


def promoters(partition: PartitionTask, now: int) -> float:
    return figures(nps.METRIC, partition, now, "30d")["cx_nps_responses", "promoter"]


def test_the_window_before_is_kept_and_outlasts_its_answers() -> None:
    """The audit leaves out what no answer explains any more. A rebuild begins with the answers that are kept."""
    partition = counted(single(Feedback()), *(answer(NOW + days * DAY) for days in range(0, 70, 10)))
    assert sum(key[:1] == ANSWER for key in partition.store.entities) == 4
    assert (promoters(partition, PREVIOUS), promoters(partition, NOW_LATER)) == (3, 3)
    assert list(pane_differences(partition)) == []
    restored = under_another_view(partition)
    assert (promoters(restored, PREVIOUS), promoters(restored, NOW_LATER)) == (1, 3)
    assert NOW_LATER - 32 * DAY < restored.checkpoint.complete_since < NOW_LATER - 30 * DAY
    assert list(pane_differences(restored)) == []


def test_the_audit_finds_a_difference_as_far_back_as_answers_are_kept() -> None:
    """One answer too many in the window, and one in the window before."""
    for age, faults in ((29, 1), (45, 0)):
        partition = counted(single(Feedback()), answer(NOW_LATER))
        extra = counted(single(Feedback()), answer(NOW_LATER - age * DAY))
        partition.panes.apply_deltas(extra.expected_deltas(extra.store.entities.items()))
        assert len(list(pane_differences(partition))) == faults


def test_customers_are_kept_as_long_as_panes() -> None:
    """A change of dimensions moves what they bought in the window before, and a rebuild has it all."""
    partition = counted(
        single(Customers()),
        activated("a", NOW, NOW, channel="web"),
        bought("a", "1", 100, NOW + DAY, NOW + DAY),
        bought("a", "2", 200, NOW_LATER, NOW_LATER),
        activated("a", NOW_LATER, NOW_LATER, channel="app"),
    )
    restored = under_another_view(partition)
    for task in (partition, restored):
        for now, amount in ((PREVIOUS, 1), (NOW_LATER, 2)):
            by_series = figures(clv.METRIC, task, now, "30d", view="channel", values=("app",))
            assert by_series["cx_revenue", "EUR"] == amount
