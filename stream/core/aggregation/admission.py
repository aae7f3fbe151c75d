"""Admission of records: which are processed, and the outcome of the others. No entity is read or changed."""

from collections.abc import Collection, Mapping, Sequence
from operator import sub
from typing import NamedTuple

from schemas.codec import Decoder, Undecodable
from schemas.customers import CustomerErased
from schemas.envelope import EVENTS, Event
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.times import MAX_AHEAD, all_to_ms, from_ms, to_ms
from schemas.topics import CUSTOMERS, DERIVED, partition_of, partitions_of
from schemas.unknown_fields import DecodedBatch
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.outgoing import Record, record_origin
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.outcomes import Outcome
from stream.core.model.time_buckets import HOUR

MAX_CACHED_OWNERS = 10_000
"""Cached owners whose partition this is: events of one ticket or customer come in groups."""
INTERPRETED_HEADERS = {"ce_specversion", "cx_timestamp", "cx_forwarded"}
"""Headers that change how a record is read. Others, such as the content type of structured mode, do not."""

_ERASURE = EVENTS[CustomerErased]
"""The event that is classified on its own."""
_DERIVED = {EVENTS[kind] for kind in DERIVED}


class Admitted(NamedTuple):
    """A record to be processed. Times in ms."""

    event: Event
    owner: bytes
    event_time: int
    record_timestamp: int
    unknown: Sequence[str] = ()
    """Names of the unknown fields of the event's data that are not null."""


class AdmittedBatch(NamedTuple):
    """Records to be processed together, in columns of the same length. Times in ms. `unknown`: see `DecodedBatch`."""

    events: Sequence[Event]
    owners: Sequence[bytes]
    event_times: Sequence[int]
    record_timestamps: Sequence[int]
    offsets: Sequence[int]
    unknown: Mapping[int, Sequence[str]]
    derived: Collection[int]
    """Offsets of the derived records."""


class Rejected(NamedTuple):
    """A record for the dead-letter topic, with the reason."""

    outcome: Outcome
    detail: str


class Misrouted(NamedTuple):
    """A record for another partition. `timestamp` in ms is that of the forwarded record."""

    owner: bytes
    partition: int
    timestamp: int


class TimeLimits:
    """The times that an event may have, relative to the timestamp of its record."""

    def __init__(self, config: AggregationConfig) -> None:
        self.max_late_hours = config.allowed_lateness // HOUR

    def is_late(self, event_time: int, record_timestamp: int) -> bool:
        """Return whether the hour of an event is more than the allowed lateness before that of its record."""
        return record_timestamp // HOUR - event_time // HOUR > self.max_late_hours

    def is_future(self, event_time: int, record_timestamp: int) -> bool:
        """Return whether an event is too far ahead of its record."""
        return event_time > record_timestamp + MAX_AHEAD

    def none_exceeded(self, event_times: Sequence[int], record_timestamps: Sequence[int]) -> bool:
        """Return True only if no event is late or in the future.

        Differences in ms are cheaper to compare than hours. An event within the allowed hours in ms is not late.
        """
        leads: list[int] = list(map(sub, event_times, record_timestamps))
        return max(leads) <= MAX_AHEAD and min(leads) >= -self.max_late_hours * HOUR


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
        self._owners: set[bytes] = set()

    def classify(self, record: Record, latest: int) -> Admitted | Rejected | Misrouted:
        """Decide about one record. `latest` is the newest timestamp in ms that is not in the future."""
        record_timestamp, forwarded = record_origin(record)
        try:
            event, unknown = self.decoder.decode_with_unknown(record.value, record.headers)
        except Undecodable as error:
            return Rejected(error.outcome, error.detail)
        owner = owner_of(event.data).encode()
        if (partition := self._owning_partition(owner, event.data)) != self._number:
            if forwarded:
                return Rejected("invalid", f"key: forwarded before, belongs to partition {partition}")
            # A header may name a timestamp far ahead, which the broker would refuse.
            return Misrouted(owner, partition, min(record_timestamp, record.timestamp))
        event_time = to_ms(event.time)
        admitted = Admitted(event, owner, event_time, record_timestamp, unknown)
        if type(event.data) in DERIVED:
            return admitted
        return self._rejected_by_time(event, event_time, record_timestamp, latest) or admitted

    def _rejected_by_time(
        self, event: Event, event_time: int, record_timestamp: int, latest: int
    ) -> Rejected | None:
        if record_timestamp > latest:
            return Rejected(
                "future",
                f"timestamp: {_readable(record_timestamp)} is more than 5 minutes ahead of the worker's clock",
            )
        if self._limits.is_future(event_time, record_timestamp):
            record = _readable(record_timestamp)
            detail = f"time: {_readable(event_time)} is more than 5 minutes after its record at {record}"
            return Rejected("future", detail)
        if self._limits.is_late(event_time, record_timestamp) and self._domain.rejects_late(event.data):
            days = self._limits.max_late_hours / 24
            record = _readable(record_timestamp)
            detail = f"time: {_readable(event_time)} is more than {days:g} d before its record at {record}"
            return Rejected("late", detail)
        return None

    def admit_batch(self, records: Sequence[Record], latest: int) -> AdmittedBatch | None:
        """Return the columns of records that are all admitted, None if each must be classified on its own.

        None does not mean that any is rejected. One check of 128 records costs half of classifying each.
        """
        record_timestamps = [record.timestamp for record in records]
        if max(record_timestamps) > latest or (decoded := self._decode_batch(records)) is None:
            return None
        events, unknown = decoded
        owners = self._domain.owners(events)
        if not self._owners.issuperset(owners) and not self._own_all(owners):
            return None
        event_times = all_to_ms([event.time for event in events])
        if not self._limits.none_exceeded(event_times, record_timestamps):
            return None
        offsets = [record.offset for record in records]
        derived = (
            {offset for event, offset in zip(events, offsets, strict=True) if type(event) in _DERIVED}
            if self._domain.topic is CUSTOMERS
            else ()
        )
        return AdmittedBatch(events, owners, event_times, record_timestamps, offsets, unknown, derived)

    def _decode_batch(self, records: Sequence[Record]) -> DecodedBatch | None:
        """Return the events, None if one has an interpreted header, is undecodable, or must be classified on its own."""
        headers = [record.headers for record in records]
        if any(headers) and not INTERPRETED_HEADERS.isdisjoint(
            [name for listed in headers for name, _ in listed]
        ):
            return None
        decoded = self.decoder.decode_all([record.value for record in records])
        return None if decoded is None or _ERASURE in map(type, decoded.events) else decoded

    def _owning_partition(self, owner: bytes, data: Data) -> int:
        """Return the partition of an owner. An erasure is at home on every partition of feedback and tickets."""
        if type(data) is CustomerErased and self._domain.topic is not CUSTOMERS:
            return self._number
        return partition_of(owner, self._partition_count)

    def _own_all(self, owners: Sequence[bytes]) -> bool:
        """Return whether this is the partition of all these owners, and cache them."""
        unknown = list(set(owners) - self._owners)
        if set(partitions_of(unknown, self._partition_count)) != {self._number}:
            return False
        if len(self._owners) >= MAX_CACHED_OWNERS:
            self._owners.clear()
        self._owners.update(unknown)
        return True


def _readable(ms: int) -> str:
    """Return a time as RFC 3339, or in ms if it is after the year 9999: a header may name any."""
    try:
        return f"{from_ms(ms):%Y-%m-%dT%H:%M:%S}Z"
    except (OverflowError, ValueError):
        return f"{ms} ms"
