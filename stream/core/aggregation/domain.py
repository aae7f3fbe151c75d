"""The interface between the engine and a domain: feedback, tickets or customers."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from schemas.envelope import Event
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.topics import DomainName, Topic
from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.outcomes import Outcome


class ValidatedBatch(NamedTuple):
    """Records of which each is accepted, a duplicate or derived, in columns of the same length."""

    events: Sequence[Event]
    owners: Sequence[bytes]
    """IDs of the owners (see `schemas.keys`)."""
    event_times: Sequence[int]
    """Times of the events in ms."""
    record_timestamps: Sequence[int]
    """Timestamps of the records in ms."""
    offsets: Sequence[int]
    watermarks: Sequence[int]
    """The partition's newest record timestamp as of each record, in ms. Derived records do not move it."""
    newest_timestamps: Sequence[int]
    """The same with derived records."""
    validated: Sequence[Any] = ()
    """Result of `BatchFastPath.validate`; empty for a domain without a fast path."""
    unknown: Mapping[int, Sequence[str]] = {}
    """Names of the unknown fields of events, by position. Most have none."""
    derived: Collection[int] = ()
    """Offsets of the derived records."""

    @property
    def positions(self) -> Iterator[tuple[int, int, int, int]]:
        """The position of each record, as `EntityStore.move_to` takes it."""
        columns = self.offsets, self.record_timestamps, self.watermarks, self.newest_timestamps
        return zip(*columns, strict=True)


class BatchFastPath(Protocol):
    """A faster way of one partition to process batches, with its caches."""

    unchecked_events: Mapping[type[Data], type[Event]]
    """Event types that are decoded without `__post_init__`, because `validate` checks them."""

    def validate(self, events: Sequence[Event]) -> Sequence[Any] | None:
        """Return what `process` needs of each event, None if an event is invalid. The store does not change."""

    def process(self, batch: ValidatedBatch) -> set[int]:
        """Process validated events and return the offsets of the duplicates. All others are accepted."""

    def apply_pending(self) -> None:
        """Add to the store's deltas what `process` accumulated."""


class Domain(ABC):
    """One input topic: its kinds of entities, and how events change them."""

    name: ClassVar[DomainName]
    topic: ClassVar[Topic]
    oldest_readable_version: ClassVar[int]
    """The oldest `checkpoint.VERSION` whose entities the domain can read."""
    owned: ClassVar[bytes]
    """Prefix of the key of the entity that most records change. Their owner follows it."""
    kinds: ClassVar[tuple[EntityKind, ...]]
    """Kinds of entities. The prefixes `e`, `x` (erasures) and `r` (residuals) belong to the engine."""
    open_codes: ClassVar[frozenset[str]] = frozenset()
    """Aggregates whose last own label is an open code, such as a reason. Codes are capped by the labels before it."""

    commented: ClassVar[bytes | None] = None
    """Prefix of the entities whose comments may be kept, None if there are none."""

    @abstractmethod
    def rejects_late(self, data: Data) -> bool:
        """Return whether an event with this data is rejected when it is later than the allowed lateness."""

    def owners(self, events: Sequence[Event]) -> list[bytes]:
        """Return the IDs of the owners of events, which may be of the `unchecked_events` of the fast path."""
        return [owner_of(event.data).encode() for event in events]

    def entity_keys(self, data: Data) -> tuple[bytes, ...]:
        """Return the keys of the answer, ticket or interaction that an event is of."""
        del data
        return ()

    @abstractmethod
    def process(self, store: EntityStore, event: Event, event_time: int, owner: bytes) -> Outcome:
        """Change the entities of an owner by an event. Contributions may wait for `derive_changes`.

        The store has the position of the event's record (`EntityStore.move_to`).
        """

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> set[int]:
        """Process validated events and return the offsets of the duplicates. All others are accepted or derived."""
        process, duplicates = self.process, set()
        for event, owner, event_time, position in zip(
            batch.events, batch.owners, batch.event_times, batch.positions, strict=True
        ):
            store.move_to(*position)
            if process(store, event, event_time, owner) == "duplicate":
                duplicates.add(position[0])
        return duplicates

    def derive_changes(self, store: EntityStore) -> None:  # noqa: B027 - most domains derive at once
        """Add to the deltas what the dirty entities contribute less what they did before, and pack them."""

    def rewrite_derived(self, store: EntityStore, offset: int, record_timestamp: int) -> Iterator[None]:
        """Derive the events that say something else under other settings, for most domains none. Yields after each slice.

        `offset` is that of the last record that was processed, `record_timestamp` (ms) that of the new events.
        """
        del store, offset, record_timestamp
        return iter(())

    def fast_path(self, store: EntityStore) -> BatchFastPath | None:
        """Return a fast path for a partition with this store, None if the domain has none."""
        del store
        return None
