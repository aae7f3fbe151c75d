"""Erasures: a person's entities are deleted, their finished counts stay anonymous, a hash keeps older events out."""

from collections.abc import Callable, Iterable
from hashlib import blake2b

import msgspec

from stream.core.aggregation.entity_kind import EntityKind, EntityKinds
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Aggregate, AggregateName, Contribution, Vector, add
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOURS, MINUTE

ERASURE, RESIDUAL = b"e", b"r"
"""Kinds of entities of the engine, the first byte of their keys."""

_pack = msgspec.msgpack.Encoder().encode
_decode_leaf = msgspec.msgpack.Decoder(
    tuple[AggregateName, tuple[str | None, ...], tuple[str, ...], int]
).decode
_decode_vector = msgspec.msgpack.Decoder(Vector).decode
_decode_times = msgspec.msgpack.Decoder(tuple[int, int]).decode


class ErasureKind(EntityKind):
    """Erasures by the hash of a person: time of the erasure and timestamp of its record, in ms."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the record, in ms."""
        del key
        return _decode_times(raw)[1] + config.entity_retention


class ResidualKind(EntityKind):
    """Sums of what erased people contributed, by base cell and minute."""

    def __init__(self, aggregates: dict[str, Aggregate]) -> None:
        super().__init__(RESIDUAL, "residuals", _decode_vector)
        self._aggregates = aggregates

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """Return when the panes of the minute are deleted, in ms. None for an aggregate that is never deleted."""
        del raw
        name, _, _, minute = _decode_leaf(key[1:])
        aggregate = self._aggregates[name]
        if aggregate.kind in ("stock", "open_items"):
            return None
        retention = config.long_pane_retention if aggregate.long_retention else config.pane_retention
        return minute * MINUTE + HOURS.span + retention

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Return the sum, as one contribution."""
        del config
        return (Contribution(*_decode_leaf(key[1:]), _decode_vector(raw)),)


def engine_kinds(aggregates: dict[str, Aggregate]) -> tuple[EntityKind, ...]:
    """Return the kinds of entities that every domain has."""
    return ErasureKind(ERASURE, "erasure", _decode_times), ResidualKind(aggregates)


def fingerprint(person_key: bytes) -> bytes:
    """Return the key of a person's erasure, which holds a hash of the person's key."""
    return ERASURE + blake2b(person_key, digest_size=16).digest()


def erased_until(raw: bytes) -> int:
    """Return the time up to which everything was erased, in ms."""
    return _decode_times(raw)[0]


class Erasures:
    """The erasures of a partition. They are entities of its store.

    `derive_changes` brings the store's packed entities up to date.
    """

    def __init__(self, store: EntityStore, kinds: EntityKinds, derive_changes: Callable[[], None]) -> None:
        self.store = store
        self.kinds = kinds
        self.exist = False
        """True if there is any erasure. Without one no key needs to be hashed."""
        self.pending: set[bytes] = set()
        """Keys of persons that were erased, whose entities are not deleted yet."""
        self._derive_changes = derive_changes

    def covers(self, person_key: bytes, event_time: int) -> bool:
        """Return whether an event of that time was erased. If not, the person's pending erasure has been executed."""
        if self._covered(person_key, event_time):
            return True
        if person_key in self.pending:
            self.execute()
        return False

    def _covered(self, person_key: bytes, event_time: int) -> bool:
        raw = self.store.entities.get(fingerprint(person_key))
        return raw is not None and event_time <= erased_until(raw)

    def erase(self, person_key: bytes, event_time: int) -> bool:
        """Register an erasure for `execute`. Return False if one as new is known."""
        if self._covered(person_key, event_time):
            return False
        store = self.store
        store.put(
            fingerprint(person_key),
            _pack((event_time, store.record_timestamp)),
            store.record_timestamp + store.config.entity_retention,
        )
        self.exist = True
        self.pending.add(person_key)
        return True

    def execute(self) -> None:
        """Delete the entities of all pending persons in one pass over the store."""
        pending, self.pending = self.pending, set()
        store = self.store
        self._derive_changes()
        for kind, key, raw in self._entities_of(pending):
            retracted = kind.retracted_by_erasure(key, raw, store.config)
            store.apply_difference(retracted, ())
            for contribution in kind.contributions(key, raw, store.config):
                if contribution not in retracted:
                    self._add_residual(contribution)
            store.put(key, None, None)

    def _entities_of(self, person_keys: set[bytes]) -> list[tuple[EntityKind, bytes, bytes]]:
        """Return the entities of persons. For one person a search for the bytes avoids most decoding."""
        entities: Iterable[tuple[bytes, bytes]] = self.store.entities.items()
        if len(person_keys) == 1:
            (person_key,) = person_keys
            entities = [(key, raw) for key, raw in entities if person_key in raw or person_key in key]
        with_kind = ((self.kinds.of(key), key, raw) for key, raw in entities)
        return [(kind, key, raw) for kind, key, raw in with_kind if kind.person_key(key, raw) in person_keys]

    def _add_residual(self, contribution: Contribution) -> None:
        key = RESIDUAL + _pack(contribution[:4])
        raw = self.store.entities.get(key)
        total = {} if raw is None else _decode_vector(raw)
        add(total, contribution.vector)
        packed = _pack(dict(sorted(total.items())))  # the same bytes in whatever order people are erased
        self.store.put(key, packed, self.kinds.of(key).expires_at(key, packed, self.store.config))

    def migrate_residuals(self, old_dimensions: tuple[str, ...]) -> None:
        """Rebuild the residuals under the store's config. `old_dimensions` name the values that they hold."""
        config = self.store.config
        names = [config.dimensions[i] for i in config.projected_dimensions]
        residuals = [(key, raw) for key, raw in self.store.entities.items() if key.startswith(RESIDUAL)]
        for key, _ in residuals:
            self.store.put(key, None, None)
        for key, raw in residuals:
            for contribution in self.kinds.of(key).contributions(key, raw, config):
                old = dict(zip(old_dimensions, contribution.values, strict=False))
                self._add_residual(contribution._replace(values=tuple(old.get(name) for name in names)))
