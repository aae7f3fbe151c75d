"""Stored tickets are bounded, and their figures stay exact."""

from bisect import bisect_right
from random import Random
from typing import Any

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets, repeat_contacts
from stream.core.aggregation.tickets import events as ticket_events
from stream.core.metrics import fcr
from stream.core.model.pane_blocks import decode_key
from stream.core.model.time_buckets import BY_CODE
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    message,
    metric_figures,
    one_by_one,
    status,
)
from tests.core.aggregation.tickets.oracle import tickets
from tests.core.aggregation.tickets.test_oracle import stored_figures, typed
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND, VIEWS, records, single

START = NOW - 20 * DAY


def largest(partition: PartitionTask) -> int:
    return max(len(raw) for raw in partition.store.entities.values())


def test_a_ticket_of_ten_thousand_messages_in_any_order() -> None:
    """Messages, solves, reopenings and handoffs take less than 0.4 MB, with exact figures."""
    random = Random(4)
    base: dict[str, Any] = {"person": "p", "ticket": "t"}
    history = [
        base
        | {"type": "created", "at": START, "id": "c", "opened_by": "agent", "dimensions": {}, "topic": None}
    ]
    for n in range(10_000):
        author = "agent" if n % 2 else "customer"
        at = START + random.randrange(10 * DAY)
        history.append(
            base | {"type": "message", "at": at, "id": f"message-{n:05}", "author": author, "public": True}
        )
    for n in range(30):
        kind = random.choice(["solved", "open"])
        at = START + random.randrange(10 * DAY)
        history.append(base | {"type": "status", "at": at, "id": f"s{n}", "status": kind, "by": "agent"})
        history.append(base | {"type": "handoff", "at": at + HOUR, "id": f"h{n}"})
    random.shuffle(history)
    partition = single(Tickets())
    partition.process(records([typed(event) for event in history]), NOW)
    partition.prepare_flush(NOW, 0)
    assert largest(partition) < 400_000
    assert stored_figures(partition) == tickets(history, VIEWS)


def test_a_customer_of_ten_thousand_tickets_in_any_order() -> None:
    """All are of one topic within a month. No record exceeds 0.4 MB, and every repeat contact is counted."""
    random = Random(4)
    moments = sorted(random.sample(range(0, 25 * DAY, MINUTE), 2_000))
    moments += [25 * DAY + n * SECOND for n in range(8_000)]
    events_by_ticket = []
    for n, at in enumerate(moments):
        ids = {"ticket": f"t{n}", "customer_id": "c"}
        created_at = START - 9 * DAY + at
        events_by_ticket.append(
            [
                created(created_at, **ids, stamp=NOW),
                message(created_at + 1, **ids, stamp=NOW),
                status(created_at + 2, "solved", **ids, stamp=NOW),
            ]
        )
    random.shuffle(events_by_ticket)
    partition = counted(event for ticket_events in events_by_ticket for event in ticket_events)
    assert max(len(raw) for key, raw in partition.store.entities.items() if key[:1] == b"f") < 400_000
    first_contacts = 0
    for at in moments:
        i = bisect_right(moments, at + 2)
        first_contacts += i == len(moments) or moments[i] - at - 2 > 7 * DAY
    figures = metric_figures(fcr.METRIC, partition, NOW)
    assert figures["cx_fcr_tickets", "provisional", "first_contact"] == first_contacts == 1
    assert figures["cx_fcr_tickets", "provisional", "other"] == 9_999


def test_past_the_limits_the_events_in_the_middle_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start and the present state of a ticket stay exact."""
    monkeypatch.setattr(ticket_events, "MAX_FULL_IDS", 8)
    monkeypatch.setattr(ticket_events, "MAX_MESSAGES", 12)
    monkeypatch.setattr(ticket_events, "MAX_STEPS", 12)
    monkeypatch.setattr(ticket_events, "MAX_DEDUP_KEYS", 40)
    events = [created(NOW), message(NOW + MINUTE), status(NOW + HOUR, "solved", by="agent")]
    for n in range(60):
        at = NOW + (n + 8) * DAY // 4
        events += [status(at, "open"), message(at + MINUTE), status(at + HOUR, "solved")]
    partition = single(Tickets())
    partition.process(
        records([event._replace(stamp=NOW + 30 * DAY) for event in [*events, *events[-40:]]]), NOW + 30 * DAY
    )
    partition.prepare_flush(NOW + 30 * DAY, 0)
    assert partition.outcome_counts["duplicate"] == 40
    figures = metric_figures(fcr.METRIC, partition, NOW + 8 * DAY)
    assert figures["cx_fcr_tickets", "confirmed", "other"] == 1
    (contributions,) = (
        partition.kinds.of(key).contributions(key, raw, partition.config)
        for key, raw in partition.store.entities.items()
        if key[:1] == b"t"
    )
    assert (
        sum(
            contribution.vector.get(0, 0)
            for contribution in contributions
            if contribution.aggregate == "resolution"
        )
        <= 6
    )
    assert not any(contribution.aggregate in ("open", "waiting") for contribution in contributions)


def test_past_the_limit_the_oldest_contacts_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest tickets are still repeat contacts of each other."""
    monkeypatch.setattr(repeat_contacts, "MAX_CONTACTS", 3)
    events = []
    for n in range(8):
        at = NOW + n * DAY
        events += [created(at, f"t{n}", customer_id="c"), message(at + 1, ticket=f"t{n}", customer_id="c")]
        events.append(status(at + 2, "solved", f"t{n}", customer_id="c"))
    partition = counted(events)
    index = next(raw for key, raw in partition.store.entities.items() if key[:1] == b"f")
    assert len(repeat_contacts.unpack(index).creations) == 3
    assert len(repeat_contacts.unpack(index).solves) == 3
    assert metric_figures(fcr.METRIC, partition, NOW + 8 * DAY)["cx_fcr_tickets", "provisional", "other"] == 7


def test_a_flush_writes_no_block_that_did_not_change() -> None:
    """A reply to a ticket of two weeks does not write blocks before the contact cycle that it ends."""
    events = [created(NOW)]
    for day in range(15):
        at = NOW + day * DAY
        events += [message(at + HOUR), status(at + 2 * HOUR, "solved"), status(at + 3 * HOUR, "open")]
    partition = one_by_one(events)
    later = NOW + 15 * DAY
    partition.process([record._replace(offset=99) for record in records([message(later)])], later)
    written_keys = [
        decode_key(key) for key, block in partition.prepare_flush(later, 0).panes if block is not None
    ]
    assert written_keys
    assert all(BY_CODE[key.resolution].span * (key.block + 1) > NOW + 14 * DAY for key in written_keys)
