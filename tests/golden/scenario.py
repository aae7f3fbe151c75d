"""Run the events of `events/*.jsonl` through the core and collect the records that it writes.

A line is a record: `key`, `value`, `timestamp` in ms (else 1.5 s after the event's `time`), `headers`. An empty line is a
flush. Every type of event occurs, and every field of every stored struct gets a value other than its default. The events
of one moment with sources in reverse order of their IDs detect that the two fields were swapped.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from stream.core.aggregation import cardinality
from stream.core.aggregation.customers import answers, lifecycle, orders, ticket_records
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.business_hours import Calendar
from stream.core.model.unreadable import SkipOrder, encode, order_key
from tests.golden.kinds import CHECKPOINT, checkpoint
from tests.support import FakeRecord, aggregation_config, partition_of_key

EVENTS = Path(__file__).parent / "events"
CALENDAR = Calendar(name="office", since=date(2026, 1, 1), timezone="UTC", hours=(((540, 1020),),) * 7)
CONFIG = aggregation_config(
    views={"total": (), "channel": ("channel",)},
    labels=("brand",),
    calendars=(CALENDAR,),
    config_hash="golden",
)
LAG = 700
"""Lag in ms that is passed to the flushes."""


class ScenarioRecords(NamedTuple):
    """Stored records after the last flush, and records that were sent to other topics."""

    state: dict[bytes, bytes]
    panes: dict[bytes, bytes]
    dead_letters: list[OutgoingRecord]
    sent: list[OutgoingRecord]


def batches(domain: str) -> Iterator[list[FakeRecord]]:
    """Yield the records of a topic, one list for each flush."""
    offset = 0
    for part in (EVENTS / f"{domain}.jsonl").read_text().split("\n\n"):
        batch = [_record(offset + n, json.loads(line)) for n, line in enumerate(part.splitlines())]
        offset += len(batch)
        yield batch


def _record(offset: int, line: dict[str, Any]) -> FakeRecord:
    value, timestamp = line["value"], line.get("timestamp")
    if timestamp is None:
        timestamp = round(datetime.fromisoformat(value["time"]).timestamp() * 1_000) + 1_500
    headers = [(name, text.encode()) for name, text in line.get("headers", ())]
    raw = value if isinstance(value, str) else json.dumps(value)
    return FakeRecord(offset, timestamp, line["key"].encode(), raw.encode(), headers)


def run_scenario(domain: Domain) -> ScenarioRecords:
    """Run a domain's events through one partition. Limits are lowered so that a few events reach them."""
    partition, collected = PartitionTask(domain, 0, 1, CONFIG), ScenarioRecords({}, {}, [], [])
    with (
        patch.object(lifecycle, "MAX_OTHER_EVENTS", 3),
        patch.object(lifecycle, "MAX_FINISHED_PERIODS", 1),
        patch.object(answers, "MAX_ANSWERS", 2),
        patch.object(ticket_records, "MAX_ANSWERS", 1),
        patch.object(orders, "MAX_PURCHASES", 1),
        patch.object(cardinality, "MAX_CODES", 2),
    ):
        for batch in batches(domain.name):
            clock = max(record.timestamp for record in batch)
            partition.process(batch, clock)
            collect(partition.prepare_flush(clock, LAG), collected)
    skip_and_block(partition, collected)
    collect(partition.prepare_flush(clock, LAG), collected)
    return collected


def collect(flush: Flush, collected: ScenarioRecords) -> None:
    for rows, table in ((flush.state, collected.state), (flush.panes, collected.panes)):
        for key, value in rows:
            table.pop(key, None)
            if value is not None:
                table[key] = value
    collected.panes[CHECKPOINT] = checkpoint.encode(flush.checkpoint)
    collected.dead_letters.extend(flush.dead_letters)
    collected.sent.extend(flush.forwards)


def skip_and_block(partition: PartitionTask, collected: ScenarioRecords) -> None:
    """Skip one unreadable batch by order. Block the partition at the next one, whose order waits."""
    for offset in (partition.next_offset, partition.next_offset + 2):
        key, order = (
            order_key(offset),
            encode(SkipOrder(end=offset + 2, records=2, ordered=1_790_000_000_000)),
        )
        partition.restore_state(key, order)
        collected.state[key] = order
    assert partition.skip(partition.next_offset)
    partition.checkpoint.blocked_at = partition.next_offset


def forwarded(domain: Domain) -> OutgoingRecord:
    """Return the first record of the topic as another partition forwards it."""
    record = next(batches(domain.name))[0]
    partition = PartitionTask(domain, 1 - partition_of_key(record.key.decode(), 2), 2, CONFIG)
    partition.process([record], record.timestamp)
    (forward,) = partition.prepare_flush(record.timestamp, LAG).forwards
    return forward
