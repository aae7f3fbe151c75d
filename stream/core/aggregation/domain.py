"""What the spine needs to know of a domain: feedback, tickets or customers."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from schemas.envelope import Event
from schemas.loose import Unchecked
from schemas.topics import DomainName, Topic
from stream.core.aggregation.entity_store import EntityStore, Outcome
from stream.core.aggregation.pane_store import Cell
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig


class ValidatedBatch(NamedTuple):
    """Records that were looked at together, by columns of the same length."""

    events: Sequence[Event]
    validated: Sequence[Any]
    """What `Domain.look` says of each."""
    person_keys: Sequence[bytes]
    event_times: Sequence[int]
    """When each happened, in ms."""
    record_timestamps: Sequence[int]
    """The records' timestamps, in ms."""


class Domain(Protocol):
    """Facts of one kind of entity. Entities are packed bytes; the first byte of a key tells their kind.

    The kinds `e` (erasures) and `r` (remainders of erased people) belong to the spine.
    """

    @property
    def name(self) -> DomainName:
        """Name of the domain, as in the topics' names."""

    @property
    def topic(self) -> Topic:
        """The topic its events come from."""

    @property
    def oldest_readable_version(self) -> int:
        """The oldest `marker.VERSION` whose entities it can read."""

    @property
    def unchecked_types(self) -> Sequence[Unchecked]:
        """The types of events that `look` takes loose, and checks."""

    def rejects_late(self, data: Any) -> bool:
        """Whether an event with this data may come too late to be used."""

    def apply(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Enter an event (`at`: its time in ms) of a person in the facts; what follows in the figures may wait."""

    def validate_batch(self, store: EntityStore, events: Sequence[Event]) -> Sequence[Any] | None:
        """What `apply_all` is to know of each event; None: one is not right. Nothing is changed by it."""

    def process_batch(self, store: EntityStore, batch: ValidatedBatch) -> list[int]:
        """`apply` for each; the times of those accepted."""

    def derive_changes(self, store: EntityStore) -> None:
        """Enter in the deltas what the open entities contribute, less what they did, and pack them."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """The watermark in ms at which an entity is forgotten; None: never."""

    def person_key(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity it is."""

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """What an entity contributes."""

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Which of `made` an erasure of the person takes out of the figures; the rest stays, anonymous."""

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions that its values stand for."""

    def open_code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell (a reason) and the group within which codes are capped (its survey)."""


def process_one_by_one(domain: Domain, store: EntityStore, batch: ValidatedBatch) -> list[int]:
    """`apply_all` of a domain that gains nothing by knowing what follows."""
    apply, accepted = domain.apply, []
    for event, person_key, event_time, record_timestamp in zip(
        batch.events, batch.person_keys, batch.event_times, batch.record_timestamps, strict=True
    ):
        store.record_timestamp = record_timestamp
        if apply(store, event, event_time, person_key) == "accepted":
            accepted.append(event_time)
    return accepted
