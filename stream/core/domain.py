"""What the spine needs to know of a domain: feedback, tickets or customers."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

from schemas.envelope import Event
from schemas.loose import Loose
from schemas.topics import Topic
from stream.core.book import Book, Outcome
from stream.core.panes import Cell
from stream.core.rules import Rules
from stream.core.tally import Contribution

Name = Literal["feedback", "tickets", "customers"]


class Plain(NamedTuple):
    """Records that were looked at together, by columns of the same length."""

    events: Sequence[Event]
    looked: Sequence[Any]
    """What `Domain.look` says of each."""
    persons: Sequence[bytes]
    times: Sequence[int]
    """When each happened, in ms."""
    stamps: Sequence[int]
    """The records' timestamps, in ms."""


class Domain(Protocol):
    """Facts of one kind of entity. Entities are packed bytes; the first byte of a key tells their kind.

    The kinds `e` (erasures) and `r` (remainders of erased people) belong to the spine.
    """

    @property
    def name(self) -> Name:
        """Name of the domain, as in the topics' names."""

    @property
    def topic(self) -> Topic:
        """The topic its events come from."""

    @property
    def since(self) -> int:
        """The oldest `marker.VERSION` whose entities it can read."""

    @property
    def loosely(self) -> Sequence[Loose]:
        """The types of events that `look` takes loose, and checks."""

    def expires(self, data: Any) -> bool:
        """Whether an event with this data may come too late to be used."""

    def apply(self, book: Book, event: Event, at: int, person: bytes) -> Outcome:
        """Enter an event (`at`: its time in ms) of a person in the facts; what follows in the figures may wait."""

    def look(self, book: Book, events: Sequence[Event]) -> Sequence[Any] | None:
        """What `apply_all` is to know of each event; None: one is not right. Nothing is changed by it."""

    def apply_all(self, book: Book, plain: Plain) -> list[int]:
        """`apply` for each; the times of those accepted."""

    def settle(self, book: Book) -> None:
        """Enter in the deltas what the open entities contribute, less what they did, and pack them."""

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark in ms at which an entity is forgotten; None: never."""

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Whose entity it is."""

    def made(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """What an entity contributes."""

    def withdrawn(self, key: bytes, raw: bytes, rules: Rules) -> tuple[Contribution, ...]:
        """Which of `made` an erasure of the person takes out of the figures; the rest stays, anonymous."""

    def rederive(self, key: bytes, raw: bytes, book: Book, old: tuple[str, ...]) -> bytes:
        """An entity's bytes under the rules of `book`; `old` are the dimensions that its values stand for."""

    def code(self, cell: Cell) -> tuple[str, str] | None:
        """The open code in a cell (a reason) and the group within which codes are capped (its survey)."""


def one_by_one(domain: Domain, book: Book, plain: Plain) -> list[int]:
    """`apply_all` of a domain that gains nothing by knowing what follows."""
    apply, accepted = domain.apply, []
    for event, person, at, stamp in zip(plain.events, plain.persons, plain.times, plain.stamps, strict=True):
        book.record_time = stamp
        if apply(book, event, at, person) == "accepted":
            accepted.append(at)
    return accepted
