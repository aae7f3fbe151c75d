"""Kinds of stored entities: how an entity of a kind is read, whose it is, and what it adds to the panes."""

from collections.abc import Callable, Iterable
from typing import Any

from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig


class EntityKind:
    """One kind of stored entity, as the engine sees it.

    The defaults are those of an entity that belongs to no person, never expires and contributes nothing. Methods take
    packed bytes, because most of them need no decoded entity and run for every entity of a partition.

    Attributes:
        prefix: the first byte of the keys of this kind
        name: the name that `explain --customer` shows
        decode: returns the entity from its bytes
        remembered: whether a hash of the key is remembered after an erasure, so that later events meet it
        from_derived: whether derived records make these entities. They expire by the newest timestamp of all records
        expires_unread: whether entities on disk are deleted when they expire without being read. They expire at a whole
            minute and retract nothing then, and every change of that minute registers a timer
    """

    def __init__(
        self,
        prefix: bytes,
        name: str,
        decode: Callable[[bytes], Any],
        *,
        remembered: bool = False,
        from_derived: bool = False,
        expires_unread: bool = False,
    ) -> None:
        self.prefix = prefix
        self.name = name
        self.decode = decode
        self.remembered = remembered
        self.from_derived = from_derived
        self.expires_unread = expires_unread

    def person(self, key: bytes, raw: bytes) -> bytes | None:
        """Return the ID of the customer whose entity it is, None if it names nobody."""
        del key, raw
        return None

    def parts_prefix(self, key: bytes) -> bytes | None:
        """Return the beginning of the keys of its parts, None if it has none.

        An erasure deletes the parts that name nobody with the whole.
        """
        del key
        return None

    def whole(self, key: bytes) -> bytes | None:
        """Return the `parts_prefix` of the entity of which it is a part, None for one that is whole."""
        del key
        return None

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """Return the watermark in ms at which the entity is deleted, None if it never is.

        It is the newest timestamp instead of the watermark for a kind that is `from_derived`.
        """
        del key, raw, config
        return None

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Return the contributions of the entity that the panes hold."""
        del key, raw, config
        return ()

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return the contributions that an erasure takes out of the panes. The others stay, as residuals."""
        del key, raw, config
        return ()

    def retracted_by_expiry(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return the contributions that go when the entity expires: those to stocks, which have no end of their own."""
        del key, raw, config
        return ()

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Return the entity's bytes under the store's config. `old_dimensions` name the values that it holds."""
        del key, store, old_dimensions
        return raw


class EntityKinds:
    """The kinds of a partition's entities, by the prefix of their keys."""

    def __init__(self, kinds: Iterable[EntityKind]) -> None:
        self._by_prefix = {kind.prefix: kind for kind in kinds}

    def of(self, key: bytes) -> EntityKind:
        """Return the kind of the entity with this key. Raises ValueError if there is none."""
        kind = self._by_prefix.get(key[:1])
        if kind is None:
            allowed = ", ".join(map(repr, sorted(self._by_prefix)))
            raise ValueError(f"entity key: expected to begin with one of {allowed}, got {key[:1]!r}")
        return kind
