"""Retention of tickets."""

from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets, repeat_contacts
from stream.core.metrics import fcr, resolution
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    deleted,
    message,
    one_by_one,
    shown,
    status,
    updated,
)
from tests.support import DAY, HOUR, NOW, Event, aggregation_config, records

KEPT = 38 * DAY


def later(partition: PartitionTask, watermark: int) -> int:
    """Tickets that are left when the watermark has come so far."""
    partition.checkpoint.watermark = watermark
    partition.prepare_flush(watermark, 0)
    return sum(key[:1] == b"t" for key in partition.store.entities)


def restored(partition: PartitionTask, **changes: object) -> PartitionTask:
    again = PartitionTask(Tickets(), 0, 1, aggregation_config(**changes))
    for key, value in partition.store.entities.items():
        again.restore_state(key, value)
    again.checkpoint = partition.checkpoint
    again.finish_restore()
    return again


CLOSED: dict[str, list[Event]] = {
    "resolved": [created(NOW), status(NOW + HOUR, "solved")],
    "deleted": [created(NOW), deleted(NOW + HOUR)],
    "never created": [message(NOW + HOUR)],
}


def test_closed_tickets_are_kept_for_38_days_after_their_last_record() -> None:
    """Resolved, deleted or never created; also when they are restored from their bytes."""
    for events in CLOSED.values():
        for partition in (counted(events), restored(counted(events))):
            assert later(partition, NOW + HOUR + KEPT - 1) == 1
            assert later(partition, NOW + 2 * HOUR + KEPT) == 0
            assert not partition.store.entities


def test_a_later_record_keeps_it_longer() -> None:
    """Counted from the last one that was not a duplicate, whatever the event's own time is."""
    note = message(NOW + 2 * HOUR, "bot", stamp=NOW + 10 * DAY)
    partition = counted([*CLOSED["resolved"], note, note._replace(stamp=NOW + 20 * DAY)])
    assert later(partition, NOW + 10 * DAY + KEPT - 1) == 1
    assert later(partition, NOW + 10 * DAY + HOUR + KEPT) == 0


def test_open_tickets_are_always_kept() -> None:
    """Solved, reopened, and only then too old: still there, and solved once more it goes in its time."""
    partition = counted([*CLOSED["resolved"], status(NOW + 2 * HOUR, "open")])
    assert later(partition, NOW + 900 * DAY) == 1
    now = NOW + 900 * DAY
    last = status(now, "solved", stamp=now)
    partition.process([record._replace(offset=9) for record in records([last])], now)
    assert later(partition, now + KEPT - 1) == 1
    assert later(partition, now + HOUR + KEPT) == 0


def test_an_event_for_a_forgotten_ticket_starts_a_new_one() -> None:
    """It begins a ticket without a creation."""
    partition = counted(CLOSED["resolved"])
    assert later(partition, NOW + 50 * DAY) == 0
    now = NOW + 50 * DAY
    partition.process([r._replace(offset=9) for r in records([status(now, "open")])], now)
    partition.prepare_flush(now, 0)
    assert shown(resolution.METRIC, partition, now)["cx_open_tickets",] == 0


def test_a_neighbour_that_is_forgotten_stays_as_it_was_counted() -> None:
    """A follower that comes with a time of long ago changes nothing any more."""
    events = [
        created(NOW, customer_id="c"),
        message(NOW + 1, customer_id="c"),
        status(NOW + 2, "solved", customer_id="c"),
    ]
    partition = counted(events)
    now = NOW + 40 * DAY
    assert later(partition, now) == 0
    late = created(NOW + DAY, "u", customer_id="c", stamp=now)
    partition.process([record._replace(offset=9) for record in records([late])], now)
    partition.prepare_flush(now, 0)
    assert shown(resolution.METRIC, partition, now)["cx_open_tickets",] == 1
    assert not any(key.cell.aggregate == "fcr" and key.resolution == 3 for key in partition.panes.blocks)


def test_new_dimensions_and_caps_apply_to_changes_too() -> None:
    """Values that a later event changed are remembered by name."""
    events = [
        created(NOW, labels={"brand": "acme", "segment": "pro"}),
        updated(NOW + 1, labels={"region": "eu"}, priority="high"),
    ]
    views = {"total": (), "one": ("segment", "region", "priority")}
    again = restored(counted(events), labels=("segment", "region"), views=views, config_hash="other")
    now = NOW + 1
    assert (
        shown(resolution.METRIC, again, now, view="one", values=("pro", "eu", "high"))["cx_open_tickets",]
        == 1
    )
    assert shown(fcr.METRIC, again, now)["cx_fcr_tickets", "provisional", "other"] == 0


def test_repeat_contacts_expire_with_the_panes_they_affect() -> None:
    """A ticket a day for half a year: what is kept of them is 38 days."""
    events = []
    for n in range(180):
        at = NOW + n * DAY
        events += [created(at, f"t{n}", customer_id="c"), message(at + 1, ticket=f"t{n}", customer_id="c")]
        events.append(status(at + 2, "solved", f"t{n}", customer_id="c"))
    partition = one_by_one(events)
    (page,) = (
        repeat_contacts.unpack(raw) for key, raw in partition.store.entities.items() if key[:1] == b"f"
    )
    assert len(page.creations) == 38
    assert len(page.solves) == 39
    figures = shown(fcr.METRIC, partition, NOW + 179 * DAY)
    assert figures["cx_fcr_tickets", "confirmed", "other"] == 30
