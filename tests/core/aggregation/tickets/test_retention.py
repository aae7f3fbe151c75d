"""Retention of tickets."""

from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets, repeat_contacts
from stream.core.metrics import fcr, resolution
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    message,
    metric_figures,
    one_by_one,
    status,
    updated,
)
from tests.support import DAY, HOUR, NOW, Event, aggregation_config, records

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
    task.finish_restore()
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
            assert tickets_left(partition, NOW + 2 * HOUR + RETENTION) == 0
            assert not partition.store.entities


def test_a_later_record_extends_the_retention() -> None:
    """The retention starts at the last record that was not a duplicate, whatever the event's own time."""
    note = message(NOW + 2 * HOUR, "bot", stamp=NOW + 10 * DAY)
    partition = counted([*CLOSED["resolved"], note, note._replace(stamp=NOW + 20 * DAY)])
    assert tickets_left(partition, NOW + 10 * DAY + RETENTION - 1) == 1
    assert tickets_left(partition, NOW + 10 * DAY + HOUR + RETENTION) == 0


def test_open_tickets_are_always_kept() -> None:
    """A reopened ticket does not expire. Solved again, it expires in its time."""
    partition = counted([*CLOSED["resolved"], status(NOW + 2 * HOUR, "open")])
    assert tickets_left(partition, NOW + 900 * DAY) == 1
    now = NOW + 900 * DAY
    last = status(now, "solved", stamp=now)
    partition.process([record._replace(offset=9) for record in records([last])], now)
    assert tickets_left(partition, now + RETENTION - 1) == 1
    assert tickets_left(partition, now + HOUR + RETENTION) == 0


def test_an_event_for_a_forgotten_ticket_starts_a_new_one() -> None:
    """The new ticket has no creation."""
    partition = counted(CLOSED["resolved"])
    assert tickets_left(partition, NOW + 50 * DAY) == 0
    now = NOW + 50 * DAY
    partition.process([r._replace(offset=9) for r in records([status(now, "open")])], now)
    partition.prepare_flush(now, 0)
    assert metric_figures(resolution.METRIC, partition, now)["cx_open_tickets",] == 0


def test_an_expired_ticket_keeps_its_result() -> None:
    """A late repeat contact does not change the result of an expired ticket."""
    events = [
        created(NOW, customer_id="c"),
        message(NOW + 1, customer_id="c"),
        status(NOW + 2, "solved", customer_id="c"),
    ]
    partition = counted(events)
    now = NOW + 40 * DAY
    assert tickets_left(partition, now) == 0
    late = created(NOW + DAY, "u", customer_id="c", stamp=now)
    partition.process([record._replace(offset=9) for record in records([late])], now)
    partition.prepare_flush(now, 0)
    assert metric_figures(resolution.METRIC, partition, now)["cx_open_tickets",] == 1
    assert not any(key.cell.aggregate == "fcr" and key.resolution == 3 for key in partition.panes.blocks)


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
    assert metric_figures(fcr.METRIC, rebuilt, now)["cx_fcr_tickets", "provisional", "other"] == 0


def test_repeat_contacts_expire_with_the_panes_they_affect() -> None:
    """With a ticket a day for half a year, the index keeps 38 days."""
    events = []
    for n in range(180):
        at = NOW + n * DAY
        events += [created(at, f"t{n}", customer_id="c"), message(at + 1, ticket=f"t{n}", customer_id="c")]
        events.append(status(at + 2, "solved", f"t{n}", customer_id="c"))
    partition = one_by_one(events)
    (index,) = (
        repeat_contacts.unpack(raw) for key, raw in partition.store.entities.items() if key[:1] == b"f"
    )
    assert len(index.creations) == 38
    assert len(index.solves) == 39
    figures = metric_figures(fcr.METRIC, partition, NOW + 179 * DAY)
    assert figures["cx_fcr_tickets", "confirmed", "other"] == 30
