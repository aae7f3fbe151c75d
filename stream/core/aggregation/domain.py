"""The interface between the engine and a domain: feedback, tickets or customers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from schemas.envelope import Event
from schemas.fields import Data
from schemas.topics import DomainName, Topic
from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.outcomes import Outcome


class ValidatedBatch(NamedTuple):
    """Records of which each is accepted or a duplicate, in columns of the same length."""

    events: Sequence[Event]
    person_keys: Sequence[bytes]
    """Record keys."""
    event_times: Sequence[int]
    """Times of the events in ms."""
    record_timestamps: Sequence[int]
    """Timestamps of the records in ms."""
    validated: Sequence[Any] = ()
    """Result of `BatchFastPath.validate`; empty for a domain without a fast path."""


class BatchFastPath(Protocol):
    """A faster way of one partition to process batches, with its caches."""

    unchecked_events: Mapping[type[Data], type[Event]]
    """Event types that are decoded without `__post_init__`, because `validate` checks them."""

    def validate(self, events: Sequence[Event]) -> Sequence[Any] | None:
        """Return what `process` needs of each event, None if an event is invalid. The store does not change."""

    def process(self, batch: ValidatedBatch) -> list[int]:
        """Process validated events and return the times of those accepted."""

    def apply_pending(self) -> None:
        """Add to the store's deltas what `process` accumulated."""


class Domain(ABC):
    """One input topic: its kinds of entities, and how events change them."""

    name: ClassVar[DomainName]
    topic: ClassVar[Topic]
    oldest_readable_version: ClassVar[int]
    """The oldest `checkpoint.VERSION` whose entities the domain can read."""
    kinds: ClassVar[tuple[EntityKind, ...]]
    """Kinds of entities. The prefixes `e` (erasures) and `r` (residuals) belong to the engine."""
    open_codes: ClassVar[frozenset[str]] = frozenset()
    """Aggregates whose last own label is an open code, such as a reason. Codes are capped by the labels before it."""
    keyed_by_data: ClassVar[bool] = False
    """True if the record key is always taken from the event, whatever key its record carries."""

    @abstractmethod
    def rejects_late(self, data: Data) -> bool:
        """Return whether an event with this data is rejected when it is later than the allowed lateness."""

    @abstractmethod
    def process(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Change the entities of a person by an event. Contributions may wait for `derive_changes`."""

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> list[int]:
        """Process validated events and return the times of those accepted."""
        process, accepted = self.process, []
        for event, person_key, event_time, record_timestamp in zip(
            batch.events, batch.person_keys, batch.event_times, batch.record_timestamps, strict=True
        ):
            store.record_timestamp = record_timestamp
            if process(store, event, event_time, person_key) == "accepted":
                accepted.append(event_time)
        return accepted

    def derive_changes(self, store: EntityStore) -> None:  # noqa: B027 - most domains derive at once
        """Add to the deltas what the dirty entities contribute less what they did before, and pack them."""

    def fast_path(self, store: EntityStore) -> BatchFastPath | None:
        """Return a fast path for a partition with this store, None if the domain has none."""
        del store
        return None
