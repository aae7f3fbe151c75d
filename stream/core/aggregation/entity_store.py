"""What one source partition remembers of its entities, and what an event changes in it.

Between two flushes entities that change stay unpacked in `open`; a flush derives and packs each of them once, however
many events it took.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, Protocol, get_args

from stream.core.aggregation.cardinality import CardinalityLimiter
from stream.core.aggregation.outgoing import DerivedEvent
from stream.core.model.aggregate import Contribution, Deltas, accumulate
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.pane_blocks import Row

Outcome = Literal[
    "accepted",
    "duplicate",
    "erased",
    "future",
    "invalid",
    "late",
    "misrouted",
    "oversized",
    "unknown_type",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

MAX_CACHED_PROJECTIONS = 50_000
"""Value tuples whose projection is remembered."""


class HasDimensions(Protocol):
    """Event data with dimensions."""

    channel: str | None
    touchpoint: str | None
    team: str | None
    priority: str | None
    labels: dict[str, Any] | None


def project_dimensions(values: DimensionValues, config: AggregationConfig) -> DimensionValues:
    """Of all dimension values those that views show, positional as contributions carry them."""
    found = config.projection_cache.get(values)
    if found is None:
        if len(config.projection_cache) >= MAX_CACHED_PROJECTIONS:
            config.projection_cache.clear()
        have = len(values)
        found = tuple(values[i] if i < have else None for i in config.projected_dimensions)
        config.projection_cache[values] = found
    return found


class EntityStore:
    """Entities as packed bytes by key, with the changes since they were last written."""

    def __init__(self, config: AggregationConfig) -> None:
        self.rules = config
        self.cardinality = CardinalityLimiter(config)
        self.entities: dict[bytes, bytes] = {}
        """Packed, as of the last flush where `open` has them too."""
        self.dirty: dict[bytes, Any] = {}
        """Unpacked: what changed since the last flush. `Domain.settle` empties it."""
        self.removals = 0
        """How many entities were forgotten so far."""
        self.deltas: Deltas = {}
        self.derived: list[DerivedEvent] = []
        """Events for the input topics of other domains."""
        self.labels_ignored = 0
        self.record_timestamp = 0
        """Timestamp of the record that is being judged, in ms."""
        self.inserted_rows: list[Row] = []
        """Entities that were entered without `put`, as records."""
        self._changed_keys: dict[bytes, None] = {}
        self._timers: defaultdict[int, list[bytes]] = defaultdict(list)

    def put(self, key: bytes, raw: bytes | None, until: int | None) -> None:
        """Keep an entity (None: forget it), and look at it again when the watermark reaches `until` ms."""
        if raw is None:
            self.entities.pop(key, None)
            self.removals += 1
        else:
            self.entities[key] = raw
        self._changed_keys[key] = None
        if until is not None:
            self._timers[until].append(key)

    def timer_keys(self, until: int) -> list[bytes]:
        """The keys that are looked at again when the watermark reaches `until` ms, to append to."""
        return self._timers[until]

    def register_timer(self, key: bytes, until: int) -> None:
        """Have `due` return the key once the watermark reaches `until` ms."""
        self._timers[until].append(key)

    def expired_timers(self, watermark: int) -> Iterator[bytes]:
        """Keys whose moment has come; each is handed out once."""
        for until in sorted(t for t in self._timers if t <= watermark):
            yield from self._timers.pop(until)

    def apply_difference(self, before: Collection[Contribution], after: Collection[Contribution]) -> None:
        """Enter the difference between an entity's contributions."""
        if before:
            accumulate(self.deltas, before, -1)
        accumulate(self.deltas, after)

    def dimension_values(self, data: HasDimensions) -> DimensionValues:
        """An event's dimension values, positional and capped; unusable labels are counted."""
        return self.capped_values((data.channel, data.touchpoint, data.team, data.priority), data.labels)

    def capped_values(self, values: DimensionValues, labels: Mapping[str, Any] | None) -> DimensionValues:
        """The values of the fields, with those of the labels, capped."""
        if labels is not None:
            values = (*values, *self._label_values(labels))
        return self.cardinality.capped_cache.get(values) or self.cardinality.cap_values(values)

    def _label_values(self, labels: Mapping[str, Any]) -> Iterator[str | None]:
        """Values of the allowed labels; entries that are neither null nor usable are counted."""
        usable = 0
        for name in self.rules.labels:
            value = labels.get(name)
            trimmed = value.strip() if isinstance(value, str) else ""
            good = 1 <= len(trimmed) <= 64
            usable += good
            yield trimmed if good else None
        self.labels_ignored += sum(value is not None for value in labels.values()) - usable

    def remap_values(self, values: DimensionValues, old: tuple[str, ...]) -> DimensionValues:
        """Values that stood for the dimensions `old` as values for those in force."""
        have = dict(zip(old, values, strict=False))
        return self.cardinality.cap_values(tuple(have.get(name) for name in self.rules.dimensions))

    def changed_rows(self) -> list[Row]:
        """What changed since the last call, as it is now, as records; a forgotten entity is a tombstone."""
        changed, held = self._changed_keys, self.entities.get
        rows = [row for row in self.inserted_rows if row[0] not in changed] if changed else self.inserted_rows
        rows += [(key, held(key)) for key in changed]
        self.inserted_rows, self._changed_keys = [], {}
        return rows
