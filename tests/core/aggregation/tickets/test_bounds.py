"""Stored tickets are bounded, and their beginning and present state stay exact."""

from random import Random

import pytest

from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.aggregation.tickets import events as ticket_events
from stream.core.metrics import first_response, resolution
from stream.core.model.pane_blocks import decode_key
from stream.core.model.time_buckets import BY_CODE
from tests.core.aggregation.tickets.events import (
    counted,
    created,
    handled,
    handoff,
    message,
    metric_figures,
    one_by_one,
    status,
    updated,
)
from tests.support import DAY, HOUR, MINUTE, NOW, records, single

START = NOW - 20 * DAY


def largest(partition: PartitionTask) -> int:
    return max(len(raw) for raw in partition.store.entities.values())


def test_a_ticket_of_ten_thousand_messages_in_any_order() -> None:
    """Messages, solves, reopenings and handoffs take less than 0.2 MB, with exact figures."""
    random = Random(4)
    pairs = [START + n * 2 * MINUTE for n in range(5_000)]
    history = [created(START - 1, opened_by="agent")]
    for at in pairs:
        history += [message(at, "customer", stamp=NOW), message(at + MINUTE, stamp=NOW)]
    history += [handoff(START + n * HOUR, stamp=NOW) for n in range(30)]
    history.append(status(NOW, "solved"))
    random.shuffle(history)
    partition = counted([event._replace(stamp=NOW) for event in history])
    assert largest(partition) < 200_000
    figures = metric_figures(first_response.METRIC, partition, NOW)
    assert figures["cx_first_response_mean_seconds",] == 60
    assert figures["cx_resolved_unanswered_tickets",] == 0
    assert metric_figures(resolution.METRIC, partition, NOW)["cx_resolved_tickets", "full"] == 1


def test_past_the_limits_the_events_in_the_middle_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start and the present state of a ticket stay exact."""
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
    figures = metric_figures(first_response.METRIC, partition, NOW + 8 * DAY)
    assert figures["cx_first_responses",] > 0
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


def test_past_the_limits_of_updates_and_interactions_the_present_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Updates in the middle are folded into the next one. First and last contact are kept."""
    monkeypatch.setattr(ticket_events, "MAX_UPDATES", 6)
    monkeypatch.setattr("stream.core.aggregation.tickets.domain.MAX_CONTACTS", 6)
    events = [created(NOW, channel="web")]
    events += [updated(NOW + n * HOUR, channel=f"c{n}") for n in range(1, 40)]
    events += [handled(NOW + n * HOUR, 60, ticket_id="t") for n in range(1, 40)]
    partition = counted([*events, status(NOW + 40 * HOUR, "open")])
    figures = metric_figures(resolution.METRIC, partition, NOW + 40 * HOUR, view="channel", values=("c39",))
    assert figures["cx_open_tickets",] == 1
    responses = metric_figures(first_response.METRIC, partition, NOW + 40 * HOUR)
    assert responses["cx_first_response_mean_seconds",] == 3_540


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
