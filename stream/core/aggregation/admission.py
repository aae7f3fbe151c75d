"""Admission of records: which are processed, and the outcome of the others. No entity is read or changed."""

from collections.abc import Mapping, Sequence
from operator import sub
from typing import NamedTuple, cast

from schemas.codec import Decoder, Undecodable
from schemas.customers import CustomerErased
from schemas.envelope import EVENTS, Event
from schemas.fields import Data
from schemas.keys import default_record_key
from schemas.times import all_to_ms, to_ms
from schemas.topics import partition_of
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.outgoing import Record, record_origin
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import HOUR, MINUTE

MAX_AHEAD = 5 * MINUTE
"""Time in ms by which an event may be ahead of its record, and a record ahead of the clock."""
MAX_CACHED_KEYS = 100_000
"""Cached keys that the partition owns: hashing a key costs more than decoding an event."""
INTERPRETED_HEADERS = {"ce_specversion", "cx_timestamp", "cx_forwarded"}
"""Headers that change how a record is read. Others, such as the content type of structured mode, do not."""

_ErasureEvent = EVENTS[CustomerErased]


class Admitted(NamedTuple):
    """A record to be processed. Times in ms."""

    event: Event
    person_key: bytes
    event_time: int
    record_timestamp: int


class AdmittedBatch(NamedTuple):
    """Records to be processed together, in columns of the same length. Times in ms."""

    events: Sequence[Event]
    person_keys: Sequence[bytes]
    event_times: Sequence[int]
    record_timestamps: Sequence[int]


class Rejected(NamedTuple):
    """A record for the dead-letter topic, with the reason."""

    outcome: Outcome
    detail: str


class Misrouted(NamedTuple):
    """A record for another partition. `timestamp` in ms is that of the forwarded record."""

    person_key: bytes
    partition: int
    timestamp: int


class TimeLimits:
    """The times that an event may have, relative to the timestamp of its record."""

    def __init__(self, config: AggregationConfig) -> None:
        self._max_late_hours = config.allowed_lateness // HOUR

    def is_late(self, event_time: int, record_timestamp: int) -> bool:
        """Return whether the hour of an event is more than the allowed lateness before that of its record."""
        return record_timestamp // HOUR - event_time // HOUR > self._max_late_hours

    def is_future(self, event_time: int, record_timestamp: int) -> bool:
        """Return whether an event is too far ahead of its record."""
        return event_time > record_timestamp + MAX_AHEAD

    def none_exceeded(self, event_times: Sequence[int], record_timestamps: Sequence[int]) -> bool:
        """Return True only if no event is late or in the future.

        Differences in ms are cheaper to compare than hours. An event within the allowed hours in ms is not late.
        """
        leads: list[int] = list(map(sub, event_times, record_timestamps))
        return max(leads) <= MAX_AHEAD and min(leads) >= -self._max_late_hours * HOUR


class Admission:
    """Admission to one partition. `batch_types`: see `Decoder`."""

    def __init__(
        self,
        domain: Domain,
        number: int,
        partition_count: int,
        config: AggregationConfig,
        batch_types: Mapping[type[Data], type[Event]],
    ) -> None:
        self.decoder = Decoder(domain.topic, batch_types)
        self._domain = domain
        self._number = number
        self._partition_count = partition_count
        self._limits = TimeLimits(config)
        self._owned_keys: set[bytes] = set()

    def classify(self, record: Record, latest: int) -> Admitted | Rejected | Misrouted:
        """Decide about one record. `latest` is the newest timestamp in ms that is not in the future."""
        record_timestamp, forwarded = record_origin(record)
        try:
            event = self.decoder.decode(record.value, record.headers)
        except Undecodable as error:
            return Rejected(error.outcome, error.detail)
        key = self._record_key(record.key, event.data)
        if (partition := self._owning_partition(key)) != self._number:
            if forwarded:
                return Rejected("invalid", f"key: forwarded before, belongs to partition {partition}")
            # A header may name a timestamp far ahead, which the broker would refuse.
            return Misrouted(key, partition, min(record_timestamp, record.timestamp))
        event_time = to_ms(event.time)
        return self._rejected_by_time(event, event_time, record_timestamp, latest) or Admitted(
            event, key, event_time, record_timestamp
        )

    def _rejected_by_time(
        self, event: Event, event_time: int, record_timestamp: int, latest: int
    ) -> Rejected | None:
        if record_timestamp > latest:
            return Rejected(
                "future",
                f"timestamp: {record_timestamp} ms is more than 5 minutes ahead of the worker's clock",
            )
        if self._limits.is_future(event_time, record_timestamp):
            detail = f"time: {event_time} ms is more than 5 minutes after its record at {record_timestamp} ms"
            return Rejected("future", detail)
        if self._limits.is_late(event_time, record_timestamp) and self._domain.rejects_late(event.data):
            detail = f"time: {event_time} ms is too long before its record at {record_timestamp} ms"
            return Rejected("late", detail)
        return None

    def admit_batch(self, records: Sequence[Record], latest: int) -> AdmittedBatch | None:
        """Return the columns of records that are all admitted, None if each must be classified on its own.

        None does not mean that any is rejected. One check of 128 records costs half of classifying each.
        """
        record_timestamps = [record.timestamp for record in records]
        if max(record_timestamps) > latest or (events := self._decode_batch(records)) is None:
            return None
        given = [record.key for record in records]
        if self._domain.keyed_by_data or not all(given):
            given = [self._record_key(key, event.data) for key, event in zip(given, events, strict=True)]
        keys = cast("list[bytes]", given)
        if not self._owned_keys.issuperset(keys) and any(
            self._owning_partition(key) != self._number for key in keys
        ):
            return None
        event_times = all_to_ms([event.time for event in events])
        if not self._limits.none_exceeded(event_times, record_timestamps):
            return None
        return AdmittedBatch(events, keys, event_times, record_timestamps)

    def _decode_batch(self, records: Sequence[Record]) -> list[Event] | None:
        """Return the events, None if a record has an interpreted header, is undecodable, or erases a customer."""
        headers = [record.headers for record in records]
        if any(headers) and not INTERPRETED_HEADERS.isdisjoint(
            [name for listed in headers for name, _ in listed]
        ):
            return None
        events = self.decoder.decode_all([record.value for record in records])
        return None if events is None or _ErasureEvent in set(map(type, events)) else events

    def _record_key(self, key: bytes | None, data: Data) -> bytes:
        """Return the key of a record, or the default key for its data."""
        return default_record_key(data).encode() if not key or self._domain.keyed_by_data else key

    def _owning_partition(self, key: bytes) -> int:
        """Return the partition that a key hashes to, and cache the key if it is this one."""
        partition = partition_of(key, self._partition_count)
        if partition == self._number:
            if len(self._owned_keys) >= MAX_CACHED_KEYS:
                self._owned_keys.clear()
            self._owned_keys.add(key)
        return partition
