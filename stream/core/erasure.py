"""Erasing a person: what was kept goes, finished counts stay without a name, a hash stays to refuse the past."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from stream.core.book import Book
from stream.core.buckets import HOURS, MINUTE
from stream.core.domain import Domain
from stream.core.rules import Rules
from stream.core.tally import Contribution, Tally, Vector, add

ERASURE, REMAINDER = b"e", b"r"

_pack = msgspec.msgpack.Encoder().encode
_leaf = msgspec.msgpack.Decoder(tuple[str, tuple[str | None, ...], tuple[str, ...], int]).decode
_vector = msgspec.msgpack.Decoder(Vector).decode
_times = msgspec.msgpack.Decoder(tuple[int, int]).decode


def fingerprint(person: bytes) -> bytes:
    """All that is kept of an erased person."""
    return ERASURE + blake2b(person, digest_size=16).digest()


def time_of(raw: bytes) -> int:
    """Up to when everything was erased, in ms."""
    return _times(raw)[0]


class Erasures:
    """The erasures that a partition remembers, in the entities of its book."""

    def __init__(self, book: Book, domain: Domain, tallies: dict[str, Tally]) -> None:
        self.book = book
        self.domain = domain
        self.tallies = tallies
        self.any = False
        """Whether there is an erasure at all: without one nothing needs to be hashed."""
        self.pending: set[bytes] = set()
        """Who is erased while something of them may still be kept."""

    def covers(self, person: bytes, at: int) -> bool:
        """Whether an event of that time is of an erased past; if not, nothing of that past is there any more."""
        if self._covered(person, at):
            return True
        if person in self.pending:
            self.settle()
        return False

    def _covered(self, person: bytes, at: int) -> bool:
        raw = self.book.entities.get(fingerprint(person))
        return raw is not None and at <= time_of(raw)

    def erase(self, person: bytes, at: int) -> bool:
        """Have all that is kept of a person deleted, at the latest by `settle`; False for one not newer than the last."""
        if self._covered(person, at):
            return False
        book = self.book
        book.put(fingerprint(person), _pack((at, book.record_time)), book.record_time + book.rules.memory)
        self.any = True
        self.pending.add(person)
        return True

    def settle(self) -> None:
        """Delete what is pending, in one pass over all entities however many persons it is."""
        pending, self.pending = self.pending, set()
        book, domain = self.book, self.domain
        domain.settle(book)
        for key, raw in self._of(pending):
            withdrawn = domain.withdrawn(key, raw, book.rules)
            book.replace(withdrawn, ())
            for contribution in domain.made(key, raw, book.rules):
                if contribution not in withdrawn:
                    self._leave(contribution)
            book.put(key, None, None)

    def _of(self, persons: set[bytes]) -> list[tuple[bytes, bytes]]:
        """The entities of persons. A look for bytes costs a tenth of decoding whose an entity is."""
        found: Iterable[tuple[bytes, bytes]] = self.book.entities.items()
        if len(persons) == 1:
            (one,) = persons
            found = [(key, raw) for key, raw in found if one in raw or one in key]
        whose = self.domain.person
        return [
            (key, raw)
            for key, raw in found
            if key[:1] not in (ERASURE, REMAINDER) and whose(key, raw) in persons
        ]

    def _leave(self, contribution: Contribution) -> None:
        key = REMAINDER + _pack(contribution[:4])
        raw = self.book.entities.get(key)
        total = {} if raw is None else _vector(raw)
        add(total, contribution.vector)
        sorted_ = dict(sorted(total.items()))  # the same whoever was erased first
        self.book.put(key, _pack(sorted_), self.until(key, b"", self.book.rules))

    def until(self, key: bytes, raw: bytes, rules: Rules) -> int | None:
        """The watermark at which an erasure or a remainder is forgotten; None: never, what is left in a stock."""
        if key[:1] == ERASURE:
            return _times(raw)[1] + rules.memory
        name, _, _, minute = _leaf(key[1:])
        tally = self.tallies[name]
        if tally.kind in ("stock", "standing"):
            return None
        kept = rules.kept_remembered if tally.remembered else rules.kept
        return minute * MINUTE + HOURS.span + kept

    def remainders(self) -> Iterable[Contribution]:
        """What erased people left in the figures."""
        for key, raw in self.book.entities.items():
            if key[:1] == REMAINDER:
                yield Contribution(*_leaf(key[1:]), _vector(raw))

    def rederive(self, old: tuple[str, ...]) -> None:
        """Remainders under the rules in force; `old` are the dimensions that their values stand for."""
        names = [self.book.rules.dimensions[i] for i in self.book.rules.shown]
        left = list(self.remainders())
        for key in [key for key in self.book.entities if key[:1] == REMAINDER]:
            self.book.put(key, None, None)
        for contribution in left:
            have = dict(zip(old, contribution.values, strict=False))
            self._leave(contribution._replace(values=tuple(have.get(name) for name in names)))
