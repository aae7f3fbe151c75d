"""Erasures: a person's entities are deleted and their finished counts stay anonymous. Hashes keep later events out."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

import msgspec

from stream.core.aggregation.entities import PersonKeys
from stream.core.aggregation.entity_kind import EntityKind, EntityKinds
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.person_index import PersonIndex
from stream.core.model.aggregate import Aggregate, AggregateName, Contribution, Vector, add
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOURS, MINUTE

ERASURE, RESIDUAL, ERASED = b"e", b"r", b"x"
"""Kinds of entities of the engine, the first byte of their keys."""
_MOVED = b"\1"
"""The first byte of the keys of residuals that are being migrated."""

_pack = msgspec.msgpack.Encoder().encode
_decode_leaf = msgspec.msgpack.Decoder(
    tuple[AggregateName, tuple[str | None, ...], tuple[str, ...], int]
).decode
_decode_vector = msgspec.msgpack.Decoder(Vector).decode
_decode_times = msgspec.msgpack.Decoder(tuple[int, int]).decode


class ErasureKind(EntityKind):
    """Erasures by the hash of a person or of an erased entity's key: time of the erasure, watermark at its record (ms)."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """Return the end of the retention after the record in ms, None if erasures are remembered for ever."""
        del key
        retention = config.erasure_retention
        return None if retention is None else _decode_times(raw)[1] + retention


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
        return minute * MINUTE + HOURS.span + config.pane_retention

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Return the sum, as one contribution."""
        del config
        return (Contribution(*_decode_leaf(key[1:]), _decode_vector(raw)),)


def engine_kinds(aggregates: dict[str, Aggregate]) -> tuple[EntityKind, ...]:
    """Return the kinds of entities that every domain has."""
    return (
        ErasureKind(ERASURE, "erasure", _decode_times),
        ErasureKind(ERASED, "erased entities", _decode_times),
        ResidualKind(aggregates),
    )


def fingerprint(person: bytes) -> bytes:
    """Return the key of a person's erasure, which holds a hash of the customer's ID."""
    return ERASURE + blake2b(person, digest_size=16).digest()


def erased_key(key: bytes) -> bytes:
    """Return the key under which it is remembered that the entity with this key was erased."""
    return ERASED + blake2b(key, digest_size=16).digest()


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
        self.index: PersonKeys | None = None
        """The keys of each person's entities, once there was an erasure. Without one nothing needs to be hashed."""
        self._derive_changes = derive_changes

    def keep_index(self) -> PersonKeys:
        """Return the index of the store's entities, which is kept up to date from the first call on."""
        if self.index is None:
            self.index = self.store.entities.persons
        if self.index is None:
            index = self.index = PersonIndex(self.kinds, self.store.entities)
            self.store.on_change = index.replace
        return self.index

    def covers(self, person: str | None, event_time: int, entity_keys: Sequence[bytes]) -> bool:
        """Return whether an event was erased: of a person up to that time, or of nobody and an erased entity."""
        if person is not None:
            return self._covered(person.encode(), event_time)
        return any(self._remembered(erased_key(key)) is not None for key in entity_keys)

    def _covered(self, person: bytes, event_time: int) -> bool:
        raw = self._remembered(fingerprint(person))
        return raw is not None and event_time <= erased_until(raw)

    def _remembered(self, key: bytes) -> bytes | None:
        """Return the packed times under a key, None past the retention, whether a flush has deleted them or not."""
        if (raw := self.store.entities.get(key)) is None:
            return None
        expires_at = self.kinds.of(key).expires_at(key, raw, self.store.config)
        return raw if expires_at is None or expires_at > self.store.watermark else None

    def erase(self, person: bytes, event_time: int) -> bool:
        """Delete the entities of a person and remember the erasure. Return False if one as new is known."""
        if self._covered(person, event_time):
            return False
        self._derive_changes()
        index = self.keep_index()
        times = _pack((event_time, self.store.watermark))
        self._remember(fingerprint(person), times)
        for key in self._keys_of(person, index):
            self._delete(key, times)
        return True

    def _remember(self, key: bytes, raw: bytes) -> None:
        self.store.put(key, raw, self.kinds.of(key).expires_at(key, raw, self.store.config))

    def _keys_of(self, person: bytes, index: PersonKeys) -> list[bytes]:
        """Return the keys of a person's entities, and of the parts of these that name nobody."""
        keys = index.of_person(person)
        prefixes = [self.kinds.of(key).parts_prefix(key) for key in keys]
        return keys + [part for prefix in prefixes if prefix is not None for part in index.parts(prefix)]

    def _delete(self, key: bytes, times: bytes) -> None:
        store, kind, raw = self.store, self.kinds.of(key), self.store.entities[key]
        store.erased += 1
        expires_at = kind.expires_at(key, raw, store.config)
        now = store.newest_timestamp if kind.from_derived else store.watermark
        if expires_at is not None and expires_at <= now:
            # It has expired and waits for a flush: it goes as it would have gone there.
            store.apply_difference(kind.retracted_by_expiry(key, raw, store.config), ())
            store.put(key, None, None)
            return
        retracted = kind.retracted_by_erasure(key, raw, store.config)
        store.apply_difference(retracted, ())
        for contribution in kind.contributions(key, raw, store.config):
            if contribution not in retracted:
                self._add_residual(contribution)
        store.put(key, None, None)
        if kind.remembered:
            self._remember(erased_key(key), times)

    def _add_residual(self, contribution: Contribution) -> None:
        key = RESIDUAL + _pack(contribution[:4])
        self._remember(key, self._added(key, contribution.vector))

    def _added(self, key: bytes, vector: Vector) -> bytes:
        """Return the sum under a key with a vector added, packed."""
        raw = self.store.entities.get(key)
        total = {} if raw is None else _decode_vector(raw)
        add(total, vector)
        return _pack(dict(sorted(total.items())))  # the same bytes in whatever order people are erased

    def migrate_residuals(self, old_dimensions: tuple[str, ...]) -> Iterator[None]:
        """Rebuild the residuals under the store's config, and yield after each slice.

        `old_dimensions` name the values that they hold. Residuals may become one, under the key of another that was not
        read yet. So all get keys of no kind first, which are never written to the topic.
        """
        config, entities = self.store.config, self.store.entities
        names = tuple(config.dimensions[i] for i in config.projected_dimensions)
        if names == old_dimensions:
            return
        for part in entities.slices(RESIDUAL):
            for key, raw in part:
                name, values, own_labels, minute = _decode_leaf(key[1:])
                old = dict(zip(old_dimensions, values, strict=False))
                moved = _MOVED + _pack((name, tuple(map(old.get, names)), own_labels, minute))
                entities.put(moved, self._added(moved, _decode_vector(raw)), reschedules=False)
                self.store.put(key, None, None)
            yield
        for part in entities.slices(_MOVED):
            for moved, raw in part:
                self._remember(RESIDUAL + moved.removeprefix(_MOVED), raw)
                entities.pop(moved, None)
            yield
