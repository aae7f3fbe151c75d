"""Erasures: a person's entities are deleted and their finished counts stay anonymous. Hashes keep later events out."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

import msgspec

from stream.core.aggregation.entity_kind import EntityKind, EntityKinds
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Aggregate, AggregateName, Contribution, Vector, add
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOURS, MINUTE

ERASURE, RESIDUAL, ERASED = b"e", b"r", b"x"
"""Kinds of entities of the engine, the first byte of their keys."""

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
        self.exist = False
        """True if there is any erasure. Without one nothing needs to be hashed."""
        self.pending: dict[bytes, bytes] = {}
        """Persons that were erased, whose entities are not deleted yet, with the packed times of the erasure."""
        self._derive_changes = derive_changes

    def covers(self, person: str | None, event_time: int, entity_keys: Sequence[bytes]) -> bool:
        """Return whether an event was erased: of a person up to that time, or of nobody and an erased entity.

        If not, pending erasures of its person and of its entities have been executed.
        """
        if self.pending and (
            (person is not None and person.encode() in self.pending)
            or any(self._person(key) in self.pending for key in entity_keys)
        ):
            self.execute()
        if person is not None:
            return self._covered(person.encode(), event_time)
        return any(self._remembered(erased_key(key)) is not None for key in entity_keys)

    def _person(self, key: bytes) -> bytes | None:
        self._derive_changes()
        raw = self.store.entities.get(key)
        return None if raw is None else self.kinds.of(key).person(key, raw)

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
        """Register an erasure for `execute`. Return False if one as new is known."""
        if self._covered(person, event_time):
            return False
        times = _pack((event_time, self.store.watermark))
        # An earlier pending erasure deletes the entities, as it would have if it had been executed at once.
        self.pending.setdefault(person, times)
        self._remember(fingerprint(person), times)
        self.exist = True
        return True

    def _remember(self, key: bytes, raw: bytes) -> None:
        self.store.put(key, raw, self.kinds.of(key).expires_at(key, raw, self.store.config))

    def execute(self) -> None:
        """Delete the entities of all pending persons in one pass over the store."""
        pending, self.pending = self.pending, {}
        store = self.store
        self._derive_changes()
        for kind, key, raw, times in self._entities_of(pending):
            expires_at = kind.expires_at(key, raw, store.config)
            if expires_at is not None and expires_at <= _decode_times(times)[1]:
                # Forgotten when the erasure was judged: it goes as it would have gone at a flush before.
                store.apply_difference(kind.retracted_by_expiry(key, raw, store.config), ())
                store.put(key, None, None)
                continue
            retracted = kind.retracted_by_erasure(key, raw, store.config)
            store.apply_difference(retracted, ())
            for contribution in kind.contributions(key, raw, store.config):
                if contribution not in retracted:
                    self._add_residual(contribution)
            store.put(key, None, None)
            if kind.remembered:
                self._remember(erased_key(key), times)

    def _entities_of(self, persons: dict[bytes, bytes]) -> list[tuple[EntityKind, bytes, bytes, bytes]]:
        """Return the entities of persons, and the parts of these that name nobody. The last field is the value given.

        For one person a search for the bytes avoids most decoding.
        """
        entities: Iterable[tuple[bytes, bytes]] = self.store.entities.items()
        if len(persons) == 1:
            (only,) = persons
            entities = [(key, raw) for key, raw in entities if only in raw or only in key]
        erased_entities = []
        prefixes: dict[bytes, bytes] = {}
        for key, raw in entities:
            kind = self.kinds.of(key)
            if (times := persons.get(kind.person(key, raw) or b"")) is not None:
                erased_entities.append((kind, key, raw, times))
                if (prefix := kind.parts_prefix(key)) is not None:
                    prefixes[prefix] = times
        if prefixes:
            erased_entities += self._parts(prefixes)
        return erased_entities

    def _parts(self, prefixes: dict[bytes, bytes]) -> list[tuple[EntityKind, bytes, bytes, bytes]]:
        """Return the entities that name nobody, whose keys begin with one of the prefixes."""
        starts = tuple(prefixes)
        parts = []
        for key, raw in self.store.entities.items():
            if not key.startswith(starts):
                continue
            kind = self.kinds.of(key)
            if kind.person(key, raw) is None:
                times = next(times for prefix, times in prefixes.items() if key.startswith(prefix))
                parts.append((kind, key, raw, times))
        return parts

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
