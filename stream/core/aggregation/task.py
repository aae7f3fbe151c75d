"""The task of one source partition: records in, changes of the compacted topics out."""

from collections.abc import Iterable, Sequence
from itertools import accumulate as running
from typing import Any, NamedTuple
from zlib import crc32

from schemas.customers import CustomerErased
from schemas.envelope import Event
from schemas.keys import person_of
from schemas.times import MAX_AHEAD
from schemas.topics import CUSTOMERS, DERIVED
from stream.core.aggregation.admission import Admission, Admitted, Misrouted, Rejected
from stream.core.aggregation.domain import Domain, ValidatedBatch
from stream.core.aggregation.entity_kind import EntityKinds
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.erasure import ERASURE, Erasures, engine_kinds
from stream.core.aggregation.name_counts import count_name
from stream.core.aggregation.outgoing import (
    OutgoingRecord,
    Record,
    derived_records,
    forward,
    record_origin,
    to_dead_letter,
)
from stream.core.aggregation.pane_store import PaneStore
from stream.core.model import checkpoint as checkpoint_format
from stream.core.model import unreadable
from stream.core.model.aggregate import Deltas, accumulate
from stream.core.model.aggregates import AGGREGATES, BY_DOMAIN
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.checkpoint import Checkpoint
from stream.core.model.outcomes import OUTCOMES, Outcome
from stream.core.model.pane_blocks import Row
from stream.core.model.unreadable import SkipOrder

BATCH_SIZE = 128
"""Records that are processed together. A record that needs its own classification costs the others the fast way."""

MAX_EXPIRED = 20_000
"""Entities that a flush deletes at most because they have expired, so that no transaction carries those of a whole hour."""


class Flush(NamedTuple):
    """The records of one flush. Forwards are sent first, on their own. The rest is one transaction."""

    forwards: list[OutgoingRecord]
    dead_letters: list[OutgoingRecord]
    state: list[Row]
    panes: list[Row]
    checkpoint: Checkpoint
    comments: Sequence[Row] = ()
    """Comments by the ID of their answer, of the feedback domain if they are kept."""


class PartitionTask:
    """State of one source partition. `process` takes records, `prepare_flush` returns the records to be written."""

    def __init__(self, domain: Domain, number: int, count: int, config: AggregationConfig) -> None:
        self.domain = domain
        self.number = number
        self.partition_count = count
        self.config = config
        self.store = EntityStore(config, [kind.prefix for kind in domain.kinds if kind.from_derived])
        if config.keep_comments and domain.commented is not None:
            self.store.keep_comments(domain.commented)
        self.panes = PaneStore(config, AGGREGATES)
        self.kinds = EntityKinds((*domain.kinds, *engine_kinds(AGGREGATES)))
        self.erasures = Erasures(self.store, self.kinds, self._derive_changes)
        self.checkpoint = Checkpoint(version=checkpoint_format.VERSION, partitions=count)
        self.outcome_counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        self.forwards: list[OutgoingRecord] = []
        self.dead_letters: list[OutgoingRecord] = []
        self.skip_orders: dict[int, SkipOrder] = {}
        """By base offset of the batch that is skipped if it is unreadable."""
        self._derivable_retention = min(
            map(config.derivable_retention, BY_DOMAIN[domain.name]), default=config.pane_retention
        )
        self._fast_path = domain.fast_path(self.store)
        batch_types = {} if self._fast_path is None else self._fast_path.unchecked_events
        self._admission = Admission(domain, number, count, config, batch_types)
        self._last_record: Record | None = None

    @property
    def next_offset(self) -> int:
        """Return the offset of the first source record that was not processed."""
        return self.checkpoint.next_offset

    def process(self, records: Iterable[Record], clock: int) -> None:
        """Process records in order. Those below `next_offset` were processed before. `clock` is now, in ms.

        After an exception the task is half changed. It must be discarded, not flushed.
        """
        latest, start = clock + MAX_AHEAD, self.checkpoint.next_offset
        unread = list(records)
        if unread and unread[0].offset < start:
            unread = [record for record in unread if record.offset >= start]
        for i in range(0, len(unread), BATCH_SIZE):
            chunk = unread[i : i + BATCH_SIZE]
            if (batch := self._validate_batch(chunk, latest)) is not None:
                self._process_batch(batch)
                continue
            for record in chunk:
                self.outcome_counts[self._process_record(record, latest)] += 1
        if unread:
            self._last_record = unread[-1]
            self.checkpoint.next_offset = self._last_record.offset + 1

    def _validate_batch(self, records: Sequence[Record], latest: int) -> ValidatedBatch | None:
        """Return records that are all accepted, duplicates or derived, None if each must be processed on its own.

        Nothing is changed.
        """
        admitted = self._admission.admit_batch(records, latest)
        if admitted is None:
            return None
        if self.erasures.index is not None and any(
            map(self._is_erased, admitted.events, admitted.event_times),
        ):
            return None
        validated = () if self._fast_path is None else self._fast_path.validate(admitted.events)
        if validated is None:
            return None
        timestamps, derived = admitted.record_timestamps, admitted.derived
        newest = list(running(timestamps, max, initial=self.newest_timestamp))
        if derived:
            timestamps = [
                0 if offset in derived else timestamp
                for offset, timestamp in zip(admitted.offsets, timestamps, strict=True)
            ]
        watermarks = list(running(timestamps, max, initial=self.checkpoint.watermark))
        return ValidatedBatch(
            *admitted[:-2], watermarks[1:], newest[1:], validated, admitted.unknown, derived
        )

    def _is_erased(self, event: Event, event_time: int) -> bool:
        data = event.data
        return self.erasures.covers(person_of(data), event_time, self.domain.entity_keys(data))

    def _process_batch(self, batch: ValidatedBatch) -> None:
        checkpoint = self.checkpoint
        if self.store.entities.on_disk:
            self.store.entities.ask(map(self.domain.owned.__add__, batch.owners))
        if self._fast_path is None:
            duplicates = self.domain.process_batch(self.store, batch)
        else:
            duplicates = self._fast_path.process(batch)
        accepted_times, derived = batch.event_times, batch.derived
        if duplicates or derived:
            accepted_times = [
                event_time
                for event_time, offset in zip(batch.event_times, batch.offsets, strict=True)
                if offset not in duplicates and offset not in derived
            ]
        checkpoint.watermark = batch.watermarks[-1]
        if derived:
            checkpoint.newest_timestamp = batch.newest_timestamps[batch.offsets.index(max(derived))]
        checkpoint.max_event_time = max(checkpoint.max_event_time, *accepted_times, 0)
        self.outcome_counts["accepted"] += len(accepted_times)
        self.outcome_counts["duplicate"] += len(duplicates)
        self.outcome_counts["derived"] += len(derived)
        for position, names in batch.unknown.items():
            if batch.offsets[position] not in duplicates and batch.offsets[position] not in derived:
                self._count_unknown(batch.events[position], names)

    def _count_unknown(self, event: Event, names: Sequence[str]) -> None:
        """Count the unknown fields of an accepted event."""
        kind: Any = event.__struct_config__.tag  # the type of the event, also of one for the fast path
        counts = self.checkpoint.unknown_fields.setdefault(kind, {})
        for name in names:
            count_name(counts, name)

    def _process_record(self, record: Record, latest: int) -> Outcome:
        """Process one record and return its outcome."""
        match self._admission.classify(record, latest):
            case Rejected(outcome, detail):
                if outcome == "late":
                    self._advance_watermark(record_origin(record).timestamp)
                topic = self.domain.topic.name
                self.dead_letters.append(to_dead_letter(record, topic, self.number, outcome, detail))
                return outcome
            case Misrouted(owner, partition, timestamp):
                self._forward(record, owner, partition, timestamp)
                return "misrouted"
            case Admitted() as admitted:
                return self._process_admitted(record, admitted, latest)

    def _advance_watermark(self, record_timestamp: int) -> None:
        """Take the timestamp of a record at home here that is neither invalid nor in the future nor derived."""
        self.checkpoint.watermark = max(self.checkpoint.watermark, record_timestamp)

    def _forward(self, record: Record, key: bytes, partition: int, timestamp: int) -> None:
        name = self.domain.name
        self.forwards.append(forward(record, name, self.number, key, partition, timestamp))

    @property
    def newest_timestamp(self) -> int:
        """The newest timestamp of the records at home, derived ones included, in ms."""
        return max(self.checkpoint.newest_timestamp, self.checkpoint.watermark)

    def _process_admitted(self, record: Record, admitted: Admitted, latest: int) -> Outcome:
        event, owner, event_time, record_timestamp, unknown = admitted
        derived = type(event.data) in DERIVED
        if not derived:
            self._advance_watermark(record_timestamp)
        elif record_timestamp <= latest:
            self.checkpoint.newest_timestamp = max(self.newest_timestamp, record_timestamp)
        self.store.move_to(record.offset, record_timestamp, self.checkpoint.watermark, self.newest_timestamp)
        if type(event.data) is CustomerErased:
            outcome: Outcome = self._erase(record, event.data.customer_id.encode(), event_time)
        elif self.erasures.index is not None and self._is_erased(event, event_time):
            outcome = "derived" if derived else "erased"
        else:
            outcome = self.domain.process(self.store, event, event_time, owner)
        if outcome == "accepted":
            self.checkpoint.max_event_time = max(self.checkpoint.max_event_time, event_time)
            if unknown:
                self._count_unknown(event, unknown)
        return outcome

    def _erase(self, record: Record, person: bytes, event_time: int) -> Outcome:
        """Erase a person. Entities of theirs may be on every partition of feedback and tickets: all get a copy."""
        if not self.erasures.erase(person, event_time):
            return "duplicate"
        origin = record_origin(record)
        if self.domain.topic is not CUSTOMERS and not origin.forwarded:
            for partition in range(self.partition_count):
                if partition != self.number:
                    self._forward(record, person, partition, min(origin.timestamp, record.timestamp))
        return "accepted"

    def skip(self, offset: int) -> bool:
        """Skip the unreadable batch at an offset. Return False if there is no order to do so.

        All records before the batch must have been processed.
        """
        order = self.skip_orders.get(offset)
        if order is None or order.end <= self.checkpoint.next_offset:
            return False
        self.checkpoint.next_offset = order.end
        self.checkpoint.skipped += order.records
        return True

    def _done_orders(self) -> list[Row]:
        """Remove orders whose batch was passed, skipped or not, and return their tombstones."""
        done = [
            offset for offset, order in self.skip_orders.items() if order.end <= self.checkpoint.next_offset
        ]
        for offset in done:
            del self.skip_orders[offset]
        return [(unreadable.order_key(offset), None) for offset in done]

    def prepare_flush(self, clock: int, lag: int, *, with_panes: bool = True) -> Flush:
        """Return all changes since the last flush, with the checkpoint. `clock` and `lag` in ms.

        Without panes, `PaneStore.changed_rows` returns them later.
        """
        self._derive_changes()
        newest_timestamp = min(self.newest_timestamp, clock)
        has_empty_cells = self.panes.expire(newest_timestamp)
        self._expire_entities(min(self.checkpoint.watermark, clock), newest_timestamp)
        self._apply_deltas()
        if has_empty_cells:
            self.store.cardinality.rebuild(self.panes.cells, self.domain.open_codes)
        checkpoint, last = self.checkpoint, self._last_record
        if last is not None:
            checkpoint.last_offset, checkpoint.checksum = last.offset, checksum(last)
        checkpoint.config_hash = self.config.config_hash
        checkpoint.dimensions = self.config.dimensions
        checkpoint.projected_dimensions = tuple(
            self.config.dimensions[i] for i in self.config.projected_dimensions
        )
        checkpoint.expired_before = self.panes.expired_before
        checkpoint.complete_since = max(
            checkpoint.complete_since, checkpoint.expired_before - self.config.pane_retention
        )
        checkpoint.derivable_since = max(
            checkpoint.derivable_since, checkpoint.expired_before - self._derivable_retention
        )
        checkpoint.outcomes = {outcome: n for outcome, n in self.outcome_counts.items() if n}
        for name in self.store.ignored_labels:
            count_name(checkpoint.ignored_labels, name)
        self.store.ignored_labels.clear()
        checkpoint.written_at, checkpoint.lag_ms, checkpoint.version = clock, lag, checkpoint_format.VERSION
        forwards, self.forwards = self.forwards, []
        dead_letters, self.dead_letters = self.dead_letters, []
        forwards += self.derived_records()
        state = self.store.changed_rows() + self._done_orders()
        panes = list(self.panes.changed_rows()) if with_panes else []
        comments = self.store.changed_comments()
        return Flush(forwards, dead_letters, state, panes, checkpoint, comments)

    def derived_records(self) -> list[OutgoingRecord]:
        """Return the events for other domains since the last call, as records."""
        derived, self.store.derived = self.store.derived, []
        return list(derived_records(derived, self.domain.name, self.config.installation))

    def _derive_changes(self) -> None:
        if self._fast_path is not None:
            self._fast_path.apply_pending()
        self.domain.derive_changes(self.store)

    def _apply_deltas(self) -> None:
        deltas, self.store.deltas = self.store.deltas, {}
        self.panes.apply_deltas(deltas)

    def _expire_entities(self, watermark: int, newest_timestamp: int) -> None:
        """Delete entities that have expired, each kind by its clock (ms). The rest waits for the next flushes."""
        due = self.store.expire_unread(watermark, newest_timestamp, MAX_EXPIRED)
        if self.store.entities.on_disk:
            self.store.entities.ask(due)
        for key in due:
            if (raw := self.store.entities.get(key)) is None:
                continue
            kind = self.kinds.of(key)
            expires_at = kind.expires_at(key, raw, self.config)
            if expires_at is not None and expires_at <= (
                newest_timestamp if kind.from_derived else watermark
            ):
                self.store.apply_difference(kind.retracted_by_expiry(key, raw, self.config), ())
                self.store.put(key, None, None)
            elif expires_at is not None:
                self.store.register_timer(key, raw, expires_at)

    def _register_expiry(self, key: bytes, raw: bytes) -> None:
        if (expires_at := self.kinds.of(key).expires_at(key, raw, self.config)) is not None:
            self.store.register_timer(key, raw, expires_at)

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """Restore a record of the state topic: an entity or a skip order. `value` None is a tombstone."""
        if key.startswith(unreadable.ORDER):
            self.restore_order(key, value)
        else:
            self.store.entities.restore(key, value, self._register_expiry)

    def restore_order(self, key: bytes, value: bytes | None) -> None:
        """Restore a skip order. `value` None means that it was carried out."""
        offset = unreadable.ordered_offset(key)
        if value is None:
            self.skip_orders.pop(offset, None)
        else:
            self.skip_orders[offset] = unreadable.decode(value)

    def restore_panes(self, key: bytes, value: bytes | None) -> None:
        """Restore a record of the panes topic: a block or the checkpoint."""
        if key != checkpoint_format.KEY:
            self.panes.restore(key, value)
        elif value is not None:
            self.checkpoint = checkpoint_format.decode(value)

    def incompatibility(self) -> str:
        """Return why the restored state cannot be used, or an empty text."""
        version, since = self.checkpoint.version, self.domain.oldest_readable_version
        if version > checkpoint_format.VERSION:
            return f"version {version} is newer than {checkpoint_format.VERSION}, which this one writes"
        if version < since:
            return (
                f"version {version} is older than {since}: process it again under another topics.state_prefix"
            )
        return ""

    @property
    def needs_rebuild(self) -> bool:
        """True if config or version of the restored panes are others, so that they must be rebuilt (`rebuild.py`)."""
        checkpoint = self.checkpoint
        return checkpoint.next_offset > 0 and (
            checkpoint.config_hash != self.config.config_hash
            or checkpoint.version != checkpoint_format.VERSION
        )

    def finish_restore(self) -> None:
        """End the restore, after a rebuild if one is needed."""
        self.panes.finish_restore()
        self.panes.expired_before = self.checkpoint.expired_before
        self.outcome_counts.update({o: self.checkpoint.outcomes.get(o, 0) for o in OUTCOMES})
        self.store.cardinality.rebuild(self.panes.cells, self.domain.open_codes)
        for key, raw in self.store.entities.without_timers():
            self._register_expiry(key, raw)
        if next(self.store.entities.slices(ERASURE), None) is not None:
            self.erasures.keep_index()

    def expected_deltas(self, entities: Iterable[tuple[bytes, bytes]]) -> Deltas:
        """Return the sum of the contributions of entities, to which the residuals of erased people belong."""
        deltas: Deltas = {}
        for key, raw in entities:
            accumulate(deltas, self.kinds.of(key).contributions(key, raw, self.config))
        return deltas


def checksum(record: Record) -> int:
    """Return a checksum that differs from that of another record at the same offset."""
    return crc32(b"%d" % record.timestamp + (record.key or b"") + (record.value or b""))
