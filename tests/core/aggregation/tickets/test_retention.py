"""Retention of tickets."""

from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.metrics import resolution
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    message,
    metric_figures,
    status,
    updated,
)
from tests.support import DAY, HOUR, NOW, Event, aggregation_config, finish_restore, records

RETENTION = 38 * DAY


def tickets_left(partition: PartitionTask, watermark: int) -> int:
    """Return the number of tickets left at a watermark."""
    partition.checkpoint.watermark = watermark
    partition.prepare_flush(watermark, 0)
    return sum(key[:1] == b"t" for key in partition.store.entities)


def restored(partition: PartitionTask, **changes: object) -> PartitionTask:
    task = PartitionTask(Tickets(), 0, 1, aggregation_config(**changes))
    for key, value in partition.store.entities.items():
        task.restore_state(key, value)
    task.checkpoint = partition.checkpoint
    finish_restore(task)
    return task


CLOSED: dict[str, list[Event]] = {
    "resolved": [created(NOW), status(NOW + HOUR, "solved")],
    "deleted": [created(NOW), deleted(NOW + HOUR)],
    "never created": [message(NOW + HOUR)],
}


def test_closed_tickets_are_kept_for_38_days_after_their_last_record() -> None:
    """Resolved, deleted and never created tickets, also after a restore."""
    for events in CLOSED.values():
        for partition in (counted(events), restored(counted(events))):
            assert tickets_left(partition, NOW + HOUR + RETENTION - 1) == 1
            assert tickets_left(partition, NOW + HOUR + RETENTION) == 0
            assert not partition.store.entities
    orphaned = counted(CLOSED["never created"])
    assert tickets_left(orphaned, NOW + HOUR + RETENTION) == 0
    assert metric_figures(resolution.METRIC, orphaned, NOW)["cx_orphan_tickets",] == 0


def test_a_later_record_extends_the_retention() -> None:
    """The retention starts at the last record that was not a duplicate, whatever the event's own time."""
    note = message(NOW + 2 * HOUR, "bot", stamp=NOW + 10 * DAY)
    partition = counted([*CLOSED["resolved"], note, note._replace(stamp=NOW + 20 * DAY)])
    assert tickets_left(partition, NOW + 10 * DAY + RETENTION - 1) == 1
    assert tickets_left(partition, NOW + 10 * DAY + RETENTION) == 0


def test_open_tickets_are_always_kept() -> None:
    """A reopened ticket does not expire. Solved again, it expires in its time."""
    partition = counted([*CLOSED["resolved"], status(NOW + 2 * HOUR, "open")])
    assert tickets_left(partition, NOW + 900 * DAY) == 1
    now = NOW + 900 * DAY
    last = status(now, "solved", stamp=now)
    partition.process([record._replace(offset=9) for record in records([last])], now)
    assert tickets_left(partition, now + RETENTION - 1) == 1
    assert tickets_left(partition, now + RETENTION) == 0


def test_an_event_for_a_forgotten_ticket_starts_a_new_one() -> None:
    """The new ticket has no creation, whether a flush has deleted the old one or not."""
    now = NOW + HOUR + RETENTION
    late = status(now, "open", stamp=now)
    flushed = counted(CLOSED["resolved"])
    assert tickets_left(flushed, now) == 0
    flushed.process([record._replace(offset=9) for record in records([late])], now)
    flushed.prepare_flush(now, 0)
    for partition in (flushed, counted([*CLOSED["resolved"], late])):
        figures = metric_figures(resolution.METRIC, partition, now)
        assert (figures["cx_open_tickets",], figures["cx_orphan_tickets",]) == (0, 1)
        assert tickets_left(partition, now + RETENTION - 1) == 1


def test_a_forgotten_ticket_of_one_batch_begins_anew() -> None:
    """A record just before the end of the retention still meets the solve, one at its end begins a new ticket.

    The pane of the first solve outlasts its ticket.
    """
    now = NOW + HOUR + RETENTION
    for stamp, solves in ((now - 1, 1), (now, 2)):
        events = [
            *CLOSED["resolved"],
            created(NOW + HOUR + 9 * DAY, stamp=stamp),
            status(NOW + HOUR + 9 * DAY, "solved", stamp=stamp),
        ]
        figures = metric_figures(resolution.METRIC, counted(events), NOW + 20 * DAY)
        assert figures["cx_resolved_tickets", "first"] == solves


def test_an_open_ticket_is_counted_once_in_a_flush_of_weeks() -> None:
    """Its retention has passed at the second event, which asks whether it is resolved before it changes it."""
    later = NOW + 50 * DAY
    events = [
        created(NOW),
        status(later, "pending", stamp=later),
        status(later + HOUR, "solved", stamp=later + HOUR),
    ]
    events.insert(1, created(later, ticket="other", stamp=later))
    together = counted(events)
    alone = PartitionTask(Tickets(), 0, 1, aggregation_config())
    for record in records(events):
        alone.process([record], later + HOUR)
        alone.prepare_flush(later + HOUR, 0)
    assert together.panes.blocks == alone.panes.blocks


def test_the_retention_counts_from_the_partitions_newest_record() -> None:
    """A forward that is read after newer records, with its old timestamp, keeps its ticket as long as any."""
    other = created(NOW, "u", stamp=NOW + 30 * DAY)
    partition = counted([other, *CLOSED["resolved"]])
    assert tickets_left(partition, NOW + 30 * DAY + RETENTION - 1) == 2
    assert tickets_left(partition, NOW + 30 * DAY + RETENTION) == 1


def test_new_dimensions_and_caps_apply_to_changes_too() -> None:
    """Values of later changes are stored by name."""
    events = [
        created(NOW, labels={"brand": "acme", "segment": "pro"}),
        updated(NOW + 1, labels={"region": "eu"}, priority="high"),
    ]
    views = {"total": (), "one": ("segment", "region", "priority")}
    rebuilt = restored(counted(events), labels=("segment", "region"), views=views, config_hash="other")
    now = NOW + 1
    assert (
        metric_figures(resolution.METRIC, rebuilt, now, view="one", values=("pro", "eu", "high"))[
            "cx_open_tickets",
        ]
        == 1
    )
