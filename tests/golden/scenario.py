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

from stream.core.calendars import Calendar
from stream.core.customers import lives
from stream.core.domain import Domain
from stream.core.letters import Letter
from stream.core.partition import Flush, Partition
from stream.core.unreadable import SkipOrder, encode, order_key
from tests.golden.kinds import CHECKPOINT, marker
from tests.support import Rec, home, rules

EVENTS = Path(__file__).parent / "events"
CALENDAR = Calendar(name="office", since=date(2026, 1, 1), timezone="UTC", hours=(((540, 1020),),) * 7)
RULES = rules(
    views={"total": (), "channel": ("channel",)}, labels=("brand",), calendars=(CALENDAR,), identity="golden"
)
LAG = 700
"""Lag in ms that is passed to the flushes."""


class Written(NamedTuple):
    """Stored records after the last flush, and records that were sent to other topics."""

    state: dict[bytes, bytes]
    panes: dict[bytes, bytes]
    dead: list[Letter]
    sent: list[Letter]


def batches(domain: str) -> Iterator[list[Rec]]:
    """Yield the records of a topic, one list for each flush."""
    offset = 0
    for part in (EVENTS / f"{domain}.jsonl").read_text().split("\n\n"):
        batch = [_record(offset + n, json.loads(line)) for n, line in enumerate(part.splitlines())]
        offset += len(batch)
        yield batch


def _record(offset: int, line: dict[str, Any]) -> Rec:
    value, stamp = line["value"], line.get("timestamp")
    if stamp is None:
        stamp = round(datetime.fromisoformat(value["time"]).timestamp() * 1_000) + 1_500
    headers = [(name, text.encode()) for name, text in line.get("headers", ())]
    raw = value if isinstance(value, str) else json.dumps(value)
    return Rec(offset, stamp, line["key"].encode(), raw.encode(), headers)


def written(domain: Domain) -> Written:
    """Run a domain's events through one partition. Caps are lowered so that a few events reach them."""
    partition, into = Partition(domain, 0, 1, RULES), Written({}, {}, [], [])
    with patch.object(lives, "MOST", 3), patch.object(lives, "FINISHED", 1):
        for batch in batches(domain.name):
            clock = max(record.timestamp for record in batch)
            partition.fold(batch, clock)
            _keep(partition.take(clock, LAG), into)
    _skip(partition, into)
    _keep(partition.take(clock, LAG), into)
    return into


def _keep(flush: Flush, into: Written) -> None:
    for rows, kept in ((flush.state, into.state), (flush.panes, into.panes)):
        for key, value in rows:
            kept.pop(key, None)
            if value is not None:
                kept[key] = value
    into.panes[CHECKPOINT] = marker.encode(flush.marker)
    into.dead.extend(flush.dead)
    into.sent.extend(flush.forwards)


def _skip(partition: Partition, into: Written) -> None:
    """Skip one unreadable batch by order. Block the partition at the next one, whose order waits."""
    for offset in (partition.next, partition.next + 2):
        key, order = (
            order_key(offset),
            encode(SkipOrder(end=offset + 2, records=2, ordered=1_790_000_000_000)),
        )
        partition.restore_state(key, order)
        into.state[key] = order
    assert partition.skip(partition.next)
    partition.at.blocked_at = partition.next


def forwarded(domain: Domain) -> Letter:
    """Return the first record of the topic as the partition that is not its home forwards it."""
    record = next(batches(domain.name))[0]
    partition = Partition(domain, 1 - home(record.key.decode(), 2), 2, RULES)
    partition.fold([record], record.timestamp)
    (letter,) = partition.take(record.timestamp, LAG).forwards
    return letter
