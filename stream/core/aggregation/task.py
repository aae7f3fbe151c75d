"""One source partition, counted: records in, changes of the compacted topics out."""

from collections.abc import Iterable, Sequence
from operator import sub
from typing import NamedTuple, cast
from zlib import crc32

from schemas.codec import Decoder, Undecodable
from schemas.customers import CustomerErased
from schemas.envelope import EVENTS, Event
from schemas.fields import Data
from schemas.keys import default_record_key
from schemas.times import all_to_ms, to_ms
from schemas.topics import partition_of
from stream.core.aggregation import unreadable
from stream.core.aggregation.domain import Domain, ValidatedBatch
from stream.core.aggregation.entity_kind import EntityKinds
from stream.core.aggregation.entity_store import OUTCOMES, EntityStore, Outcome
from stream.core.aggregation.erasure import ERASURE, Erasures, engine_kinds
from stream.core.aggregation.outgoing import (
    OutgoingRecord,
    Record,
    derived_record,
    forward,
    record_origin,
    to_dead_letter,
)
from stream.core.aggregation.pane_store import PaneStore
from stream.core.aggregation.unreadable import SkipOrder
from stream.core.model import checkpoint as markers
from stream.core.model.aggregate import Deltas, accumulate
from stream.core.model.aggregates import AGGREGATES, BY_DOMAIN
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.pane_blocks import Row
from stream.core.model.time_buckets import HOUR, HOURS, MINUTE

MAX_AHEAD = 5 * MINUTE
"""How far an event's time may be ahead of its record, and a record ahead of the clock."""
BATCH_SIZE = 128
"""Records that are looked at together: one that is not plain costs these the fast way."""
MAX_CACHED_KEYS = 100_000
"""Keys that are remembered as belonging to a partition: their hash costs more than decoding an event."""
INTERPRETED_HEADERS = {"ce_specversion", "cx_timestamp", "cx_forwarded"}
"""Headers that say how a record is to be read; others, such as the content type of structured mode, do not."""

_ErasureEvent = EVENTS[CustomerErased]


class Flush(NamedTuple):
    """What one flush writes. Forwards go first, on their own; the rest is one transaction."""

    forwards: list[OutgoingRecord]
    dead_letters: list[OutgoingRecord]
    state: list[Row]
    panes: list[Row]
    checkpoint: Checkpoint


class PartitionTask:
    """State of one source partition. `fold` reads, `take` hands out what has to be written."""

    def __init__(self, domain: Domain, number: int, count: int, config: AggregationConfig) -> None:
        self.domain = domain
        self.number = number
        self.partition_count = count
        self.config = config
        self.store = EntityStore(config)
        self.panes = PaneStore(config, AGGREGATES)
        self.kinds = EntityKinds((*domain.kinds, *engine_kinds(AGGREGATES)))
        self.erasures = Erasures(self.store, self.kinds, self._derive_changes)
        self.checkpoint = Checkpoint(version=markers.VERSION, partitions=count)
        self.outcome_counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        self.forwards: list[OutgoingRecord] = []
        self.dead_letters: list[OutgoingRecord] = []
        self.skip_orders: dict[int, SkipOrder] = {}
        """By the base offset of the batch that is to be skipped if it is unreadable."""
        self._max_late_hours = config.allowed_lateness // HOUR
        self._pane_retention = min(
            (
                self.panes.retention(HOURS, aggregate)
                for aggregate in BY_DOMAIN[domain.name]
                if aggregate.kind in ("flow", "open_flow")
            ),
            default=config.pane_retention,
        )
        self._fast_path = domain.fast_path(self.store)
        self._decoder = Decoder(
            domain.topic, self._fast_path.unchecked_events if self._fast_path is not None else {}
        )
        self._own_keys: set[bytes] = set()
        self._last_record: Record | None = None

    @property
    def next_offset(self) -> int:
        """Offset of the first source record that has not been folded."""
        return self.checkpoint.next_offset

    def process(self, records: Iterable[Record], clock: int) -> None:
        """Judge each record and enter it; those below `next` were counted before. `clock` in ms.

        An exception leaves the partition half changed: it must be thrown away, not flushed.
        """
        latest, start = clock + MAX_AHEAD, self.checkpoint.next_offset
        unread = list(records)
        if unread and unread[0].offset < start:
            unread = [record for record in unread if record.offset >= start]
        for i in range(0, len(unread), BATCH_SIZE):
            some = unread[i : i + BATCH_SIZE]
            if (batch := self._validate_batch(some, latest)) is not None:
                self._process_batch(batch)
                continue
            for record in some:
                self.outcome_counts[self._process_record(record, latest)] += 1
        if self.erasures.pending:
            self.erasures.execute()
        if unread:
            self._last_record = unread[-1]
            self.checkpoint.next_offset = self._last_record.offset + 1

    def _validate_batch(self, records: Sequence[Record], latest: int) -> ValidatedBatch | None:
        """Records of which each is accepted or a duplicate, whatever else is in them; None: judge them one by one.

        A look at all together costs half of what judging each does. Nothing is changed by it.
        """
        record_timestamps = [record.timestamp for record in records]
        if max(record_timestamps) > latest or (events := self._decode_batch(records)) is None:
            return None
        came = [record.key for record in records]
        if self.domain.keyed_by_data or not all(came):
            came = [self._record_key(key, event.data) for key, event in zip(came, events, strict=True)]
        keys = cast("list[bytes]", came)
        if not self._own_keys.issuperset(keys) and any(
            self._owning_partition(key) != self.number for key in keys
        ):
            return None
        times = all_to_ms([event.time for event in events])
        ahead = list(map(sub, times, record_timestamps))
        if max(ahead) > MAX_AHEAD or min(ahead) < -self._max_late_hours * HOUR:
            return None
        if self.erasures.exist and any(map(self.erasures.covers, keys, times)):
            return None
        validated = () if self._fast_path is None else self._fast_path.validate(events)
        return (
            None if validated is None else ValidatedBatch(events, keys, times, record_timestamps, validated)
        )

    def _decode_batch(self, records: Sequence[Record]) -> list[Event] | None:
        """Events of records that say nothing in their headers; None: one is not right, or erases."""
        headers = [record.headers for record in records]
        if any(headers) and not INTERPRETED_HEADERS.isdisjoint([name for one in headers for name, _ in one]):
            return None
        events = self._decoder.decode_all([record.value for record in records])
        return None if events is None or _ErasureEvent in set(map(type, events)) else events

    def _process_batch(self, batch: ValidatedBatch) -> None:
        """Enter records that were looked at."""
        at = self.checkpoint
        if self._fast_path is None:
            accepted = self.domain.process_batch(self.store, batch)
        else:
            accepted = self._fast_path.process(batch)
        at.watermark = max(at.watermark, *batch.record_timestamps)
        at.max_event_time = max(at.max_event_time, *accepted, 0)
        self.outcome_counts["accepted"] += len(accepted)
        self.outcome_counts["duplicate"] += len(batch.events) - len(accepted)

    def _process_record(self, record: Record, latest: int) -> Outcome:
        """Enter one record; its outcome. `latest` is the newest timestamp, in ms, that is not in the future."""
        at = self.checkpoint
        record_timestamp, forwarded = record_origin(record)
        if at.watermark < record_timestamp <= latest:
            at.watermark = record_timestamp
        try:
            event = self._decoder.decode(record.value, record.headers)
        except Undecodable as error:
            return self._reject(record, error.outcome, error.detail)
        key = self._record_key(record.key, event.data)
        if (home := self._owning_partition(key)) != self.number:
            if forwarded:
                return self._reject(record, "invalid", f"key: forwarded before, belongs to partition {home}")
            first = min(
                record_timestamp, record.timestamp
            )  # of a header far ahead the broker would take nothing
            self.forwards.append(forward(record, self.domain.name, self.number, key, home, first))
            return "misrouted"
        time = to_ms(event.time)
        if record_timestamp > latest or time > record_timestamp + MAX_AHEAD:
            return self._reject(record, "future", self._future_detail(time, record_timestamp, latest))
        if record_timestamp // HOUR - time // HOUR > self._max_late_hours and self.domain.rejects_late(
            event.data
        ):
            return self._reject(
                record, "late", f"time: {time} ms is too long before its record at {record_timestamp} ms"
            )
        self.store.record_timestamp = record_timestamp
        outcome = self._apply_event(event, key, time)
        if outcome == "accepted" and time > at.max_event_time:
            at.max_event_time = time
        return outcome

    def _apply_event(self, event: Event, person_key: bytes, time: int) -> Outcome:
        if type(event.data) is CustomerErased:
            return "accepted" if self.erasures.erase(person_key, time) else "duplicate"
        if self.erasures.exist and self.erasures.covers(person_key, time):
            return "erased"
        return self.domain.process(self.store, event, time, person_key)

    def _record_key(self, key: bytes | None, data: Data) -> bytes:
        """A record's key, or the one that it should have."""
        return default_record_key(data).encode() if not key or self.domain.keyed_by_data else key

    def _owning_partition(self, key: bytes) -> int:
        """The partition that a key belongs to; of keys of ours the next look is a cheap one."""
        home = partition_of(key, self.partition_count)
        if home == self.number:
            if len(self._own_keys) >= MAX_CACHED_KEYS:
                self._own_keys.clear()
            self._own_keys.add(key)
        return home

    @staticmethod
    def _future_detail(time: int, record_timestamp: int, latest: int) -> str:
        if record_timestamp > latest:
            return f"timestamp: {record_timestamp} ms is more than 5 minutes ahead of the worker's clock"
        return f"time: {time} ms is more than 5 minutes after its record at {record_timestamp} ms"

    def _reject(self, record: Record, outcome: Outcome, detail: str) -> Outcome:
        self.dead_letters.append(to_dead_letter(record, self.domain.topic.name, self.number, outcome, detail))
        return outcome

    def skip(self, offset: int) -> bool:
        """Pass over the unreadable batch at an offset, if that was ordered; what is before it has been folded."""
        order = self.skip_orders.get(offset)
        if order is None or order.end <= self.checkpoint.next_offset:
            return False
        self.checkpoint.next_offset = order.end
        self.checkpoint.skipped += order.records
        return True

    def _done_orders(self) -> list[Row]:
        """Tombstones of orders whose batch is behind us: skipped, or readable after all."""
        done = [
            offset for offset, order in self.skip_orders.items() if order.end <= self.checkpoint.next_offset
        ]
        for offset in done:
            del self.skip_orders[offset]
        return [(unreadable.order_key(offset), None) for offset in done]

    def prepare_flush(self, clock: int, lag: int) -> Flush:
        """Everything that changed, once; and the marker that makes it count."""
        self._derive_changes()
        room = self._expire(min(self.checkpoint.watermark, clock))
        self._apply_deltas()
        if room:
            self.store.cardinality.rebuild(self.panes.cells, self.domain.open_codes)
        at, last = self.checkpoint, self._last_record
        if last is not None:
            at.last_offset, at.checksum = last.offset, checksum(last)
        at.config_hash = self.config.config_hash
        at.dimensions = self.config.dimensions
        at.projected_dimensions = tuple(self.config.dimensions[i] for i in self.config.projected_dimensions)
        at.expired_before = self.panes.expired_before
        at.complete_since = max(at.complete_since, at.expired_before - self._pane_retention)
        at.outcomes = {outcome: n for outcome, n in self.outcome_counts.items() if n}
        at.labels_ignored = self.store.labels_ignored
        at.written_at, at.lag_ms, at.version = clock, lag, markers.VERSION
        derived, self.store.derived = self.store.derived, []
        forwards, self.forwards = self.forwards, []
        dead, self.dead_letters = self.dead_letters, []
        forwards += [derived_record(event, self.domain.name) for event in derived]
        state = self.store.changed_rows() + self._done_orders()
        return Flush(forwards, dead, state, list(self.panes.changed_rows()), at)

    def _derive_changes(self) -> None:
        if self._fast_path is not None:
            self._fast_path.apply_pending()
        self.domain.derive_changes(self.store)

    def _apply_deltas(self) -> None:
        deltas, self.store.deltas = self.store.deltas, {}
        self.panes.apply_deltas(deltas)

    def _expire(self, watermark: int) -> bool:
        """Forget what is too old. True when cells may have gone with it."""
        room = self.panes.expire(watermark)
        for key in list(self.store.expired_timers(watermark)):
            if (raw := self.store.entities.get(key)) is None:
                continue
            until = self.kinds.of(key).expires_at(key, raw, self.config)
            if until is not None and until <= watermark:
                self.store.put(key, None, None)
            elif until is not None:
                self.store.register_timer(key, until)
        return room

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the compacted topic of entities, the skip orders among them."""
        if key.startswith(unreadable.ORDER):
            self.restore_order(key, value)
        elif value is None:
            self.store.entities.pop(key, None)
        else:
            self.store.entities[key] = value

    def restore_order(self, key: bytes, value: bytes | None) -> None:
        """Take in a skip order; None: it was carried out."""
        offset = unreadable.ordered_offset(key)
        if value is None:
            self.skip_orders.pop(offset, None)
        else:
            self.skip_orders[offset] = unreadable.decode(value)

    def restore_panes(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the compacted topic of panes, the marker among them."""
        if key != markers.KEY:
            self.panes.restore(key, value)
        elif value is not None:
            self.checkpoint = markers.decode(value)

    def incompatibility(self) -> str:
        """Why what was restored cannot be gone on with; empty when it can."""
        version, since = self.checkpoint.version, self.domain.oldest_readable_version
        if version > markers.VERSION:
            return f"version {version} is newer than {markers.VERSION}, which this one writes"
        if version < since:
            return f"version {version} is older than {since}: it is counted anew under another topics.state_prefix"
        return ""

    def finish_restore(self) -> bool:
        """End of restoring. True when the rules or the version changed and everything was made anew."""
        self.panes.finish_restore()
        self.panes.expired_before = self.checkpoint.expired_before
        self.outcome_counts.update({o: self.checkpoint.outcomes.get(o, 0) for o in OUTCOMES})
        self.store.labels_ignored = self.checkpoint.labels_ignored
        changed = self.checkpoint.next_offset > 0 and (
            self.checkpoint.config_hash != self.config.config_hash
            or self.checkpoint.version != markers.VERSION
        )
        if changed:
            self._rebuild_panes()
        self.store.cardinality.rebuild(self.panes.cells, self.domain.open_codes)
        for key, raw in self.store.entities.items():
            self.erasures.exist = self.erasures.exist or key.startswith(ERASURE)
            if (until := self.kinds.of(key).expires_at(key, raw, self.config)) is not None:
                self.store.register_timer(key, until)
        return changed

    def _rebuild_panes(self) -> None:
        """Panes from the entities, under the rules in force: what they hold is only ever a sum of these."""
        self.panes.clear()
        for key, raw in list(self.store.entities.items()):
            migrated = self.kinds.of(key).migrate(key, raw, self.store, self.checkpoint.dimensions)
            if migrated != raw:
                self.store.put(key, migrated, None)
        self.erasures.migrate_residuals(self.checkpoint.projected_dimensions)
        self.store.deltas = self.expected_deltas()
        self._apply_deltas()

    def expected_deltas(self) -> Deltas:
        """The sum of what all entities contributed and of what erased people left behind."""
        deltas: Deltas = {}
        for key, raw in self.store.entities.items():
            accumulate(deltas, self.kinds.of(key).contributions(key, raw, self.config))
        return deltas


def checksum(record: Record) -> int:
    """What tells a record from another one at the same offset."""
    return crc32(b"%d" % record.timestamp + (record.key or b"") + (record.value or b""))
