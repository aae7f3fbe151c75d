"""Entities of one source partition, with timers and the changes since the last flush.

A domain may keep changed entities decoded in `dirty`. A flush derives and packs each of them once, whatever the number
of its events.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from schemas.dimensions import Dimensions
from stream.core.aggregation.cardinality import CardinalityLimiter
from stream.core.aggregation.content import usable_label
from stream.core.aggregation.entities import Entities, MemoryEntities
from stream.core.aggregation.outgoing import DerivedEvent
from stream.core.model.aggregate import Contribution, Deltas, accumulate
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.pane_blocks import Row

MAX_CACHED_PROJECTIONS = 50_000
"""Value tuples whose projection is cached."""


def project_dimensions(values: DimensionValues, config: AggregationConfig) -> DimensionValues:
    """Return the values of the dimensions that any view uses, positional as in contributions."""
    projected = config.projection_cache.get(values)
    if projected is None:
        if len(config.projection_cache) >= MAX_CACHED_PROJECTIONS:
            config.projection_cache.clear()
        size = len(values)
        projected = tuple(values[i] if i < size else None for i in config.projected_dimensions)
        config.projection_cache[values] = projected
    return projected


def merge_values(values: DimensionValues, changed: DimensionValues) -> DimensionValues:
    """Return values with those replaced that are not None in `changed`. Either may leave out values at its end."""
    if not changed or not values:
        return changed or values
    size = len(changed)
    padded = (*values, *[None] * (size - len(values)))
    return tuple(value if i >= size or changed[i] is None else changed[i] for i, value in enumerate(padded))


class EntityStore:
    """Entities as packed bytes by key, with the changes since they were last written."""

    def __init__(self, config: AggregationConfig, from_derived: Collection[bytes] = ()) -> None:
        self.config = config
        self._from_derived = frozenset(from_derived)
        """Prefixes of the kinds that expire by `newest_timestamp`."""
        self.cardinality = CardinalityLimiter(config)
        self.keep_in(MemoryEntities())
        self.dirty: dict[bytes, Any] = {}
        """Decoded entities that changed since the last flush. `Domain.derive_changes` empties it."""
        self.on_change: Callable[[bytes, bytes | None, bytes | None], None] | None = None
        """Told of every change of an entity: key, packed before and after, None if it does not exist."""
        self.erased = 0
        """Number of entities that erasures have deleted so far."""
        self.deltas: Deltas = {}
        self.derived: list[DerivedEvent] = []
        """Events for the input topics of other domains."""
        self.ignored_labels: list[str] = []
        """Names of the label entries that were ignored since the last flush, in the order of reading."""
        self.offset = 0
        """Offset of the record that is being processed."""
        self.record_timestamp = 0
        """Timestamp of the record that is being processed, in ms."""
        self.watermark = 0
        """The partition's newest record timestamp as of that record, in ms. Derived records do not move it. Forgetting
        depends on it alone, that of entities from derived records on `newest_timestamp`."""
        self.newest_timestamp = 0
        """The same of all records, in ms: the watermark of a partition that has derived records only would stand still."""
        self.inserted_rows: list[Row] = []
        """Records of entities that were inserted without `put`."""
        self.comments: dict[bytes, bytes | None] | None = None
        """Comments since the last flush by the key of their answer, None to delete one. None if no comments are kept."""
        self.commented = b""
        """Prefix of the entities that may have a comment."""
        self._changed_keys: dict[bytes, None] = {}

    def keep_in(self, entities: Entities) -> None:
        """Keep the entities there, before the first of them is restored."""
        self.entities = entities
        """Packed entities. Those that are also in `dirty` are as of the last flush."""
        self._timers = entities.timers(of_derived=False)
        self._timers_of_derived = entities.timers(of_derived=True)

    def move_to(self, offset: int, record_timestamp: int, watermark: int, newest_timestamp: int) -> None:
        """Set the position of the record that is processed next. Times in ms."""
        self.offset, self.record_timestamp = offset, record_timestamp
        self.watermark, self.newest_timestamp = watermark, newest_timestamp

    @property
    def on_insert(self) -> Callable[[bytes, bytes, str | None], bytes] | None:
        """Told of every entity that is put into `Entities.fresh`, None if nobody needs to know. Returns its timer."""
        if (on_change := self.on_change) is None:
            return self.entities.on_insert

        def follow(key: bytes, raw: bytes, _: str | None) -> bytes:
            on_change(key, None, raw)
            return key

        return follow

    def put(self, key: bytes, raw: bytes | None, event_time: int | None) -> None:
        """Store an entity, or delete it if `raw` is None. Register a timer at `event_time` ms unless that is None."""
        if self.on_change is not None:
            self.on_change(key, self.entities.get(key), raw)
        self._changed_keys[key] = None
        if raw is None:
            self.entities.pop(key, None)
            if self.comments is not None and key.startswith(self.commented):
                self.comments[key] = None
            return
        self.entities.put(key, raw, reschedules=event_time is not None)
        if event_time is not None:
            self.register_timer(key, raw, event_time)

    def timer_keys(self, event_time: int) -> list[bytes]:
        """Return the list of timers at `event_time` ms, for the caller to append the result of `on_insert`, or the key."""
        return self._timers.keys(event_time)

    def register_timer(self, key: bytes, raw: bytes, event_time: int) -> None:
        """Have `expire_unread` find the entity once the watermark reaches the minute of `event_time` ms."""
        timers = self._timers_of_derived if key[:1] in self._from_derived else self._timers
        timers.keys(event_time).append(self.entities.timer(key, raw))

    def expire_unread(self, watermark: int, newest_timestamp: int, limit: int) -> list[bytes]:
        """Remove at most `limit` timers that the watermark (or the newest timestamp, by kind) has passed.

        Delete the entities that certainly expire, and return the keys of the others. A minute has one list of timers: the
        caller compares the exact time.
        """
        due = self._timers.due(watermark, limit)
        due += self._timers_of_derived.due(newest_timestamp, limit - len(due))
        deleted, others = self.entities.delete_unread(due)
        self._changed_keys.update(dict.fromkeys(deleted))
        if self.comments is not None:
            self.comments.update((key, None) for key in deleted if key.startswith(self.commented))
        return others

    def apply_difference(self, before: Sequence[Contribution], after: Sequence[Contribution]) -> None:
        """Add to the deltas the difference between an entity's contributions before and after a change."""
        if not before:
            accumulate(self.deltas, after)
            return
        same = 0
        for old, new in zip(before, after, strict=False):  # most changes leave the first ones as they are
            if old != new:
                break
            same += 1
        accumulate(self.deltas, before[same:], -1)
        accumulate(self.deltas, after[same:])

    def dimension_values(self, data: Dimensions, topic: str | None = None) -> DimensionValues:
        """Return an event's dimension values, positional and capped. Ignored labels are recorded.

        `topic` is that of a ticket.
        """
        of_domain = getattr(data, "program", None), topic, getattr(data, "plan", None)
        return self.capped_values(
            (data.channel, data.touchpoint, data.team, data.priority, *of_domain), data.labels
        )

    def capped_values(self, values: DimensionValues, labels: Mapping[str, Any] | None) -> DimensionValues:
        """Return the values of fields and labels, capped. `labels` None: the event has none."""
        if labels is not None:
            values = (*values, *self._label_values(labels))
        return self.cardinality.capped_cache.get(values) or self.cardinality.cap_values(values)

    def _label_values(self, labels: Mapping[str, Any]) -> Iterator[str | None]:
        """Yield the values of the configured labels. Names of entries that are neither null nor usable are recorded."""
        usable = 0
        for name in self.config.labels:
            value = usable_label(labels.get(name))
            usable += value is not None
            yield value
        if sum(value is not None for value in labels.values()) > usable:
            self.ignored_labels += [
                name
                for name, value in labels.items()
                if value is not None and (name not in self.config.labels or usable_label(value) is None)
            ]

    def remap_values(self, values: DimensionValues, old_dimensions: tuple[str, ...]) -> DimensionValues:
        """Return values of the dimensions `old_dimensions` as capped values of the config's dimensions."""
        by_name = dict(zip(old_dimensions, values, strict=False))
        return self.cardinality.cap_values(tuple(by_name.get(name) for name in self.config.dimensions))

    def keep_comments(self, commented: bytes) -> None:
        """Keep comments from now on. `commented` is the prefix of the entities that may have one."""
        self.comments, self.commented = {}, commented

    def changed_comments(self) -> list[Row]:
        """Return the changes of comments since the last call as records, by the ID of the answer."""
        if not self.comments:
            return []
        rows: list[Row] = [(key.removeprefix(self.commented), raw) for key, raw in self.comments.items()]
        self.comments = {}
        return rows

    def changed_rows(self) -> list[Row]:
        """Return the changes since the last call as records. A deleted entity is a tombstone."""
        changed, get = self._changed_keys, self.entities.get
        rows = [row for row in self.inserted_rows if row[0] not in changed] if changed else self.inserted_rows
        rows += [(key, get(key)) for key in changed]
        self.inserted_rows, self._changed_keys = [], {}
        self.entities.take()
        return rows
