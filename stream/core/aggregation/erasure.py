"""Erasing a person: what was kept goes, finished counts stay without a name, a hash stays to refuse the past."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from stream.core.aggregation.domain import Domain
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Aggregate, Contribution, Vector, add
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOURS, MINUTE

ERASURE, RESIDUAL = b"e", b"r"

_pack = msgspec.msgpack.Encoder().encode
_decode_leaf = msgspec.msgpack.Decoder(tuple[str, tuple[str | None, ...], tuple[str, ...], int]).decode
_decode_vector = msgspec.msgpack.Decoder(Vector).decode
_decode_times = msgspec.msgpack.Decoder(tuple[int, int]).decode


def fingerprint(person_key: bytes) -> bytes:
    """All that is kept of an erased person."""
    return ERASURE + blake2b(person_key, digest_size=16).digest()


def erased_until(raw: bytes) -> int:
    """Up to when everything was erased, in ms."""
    return _decode_times(raw)[0]


class Erasures:
    """The erasures that a partition remembers, in the entities of its book."""

    def __init__(self, store: EntityStore, domain: Domain, aggregates: dict[str, Aggregate]) -> None:
        self.store = store
        self.domain = domain
        self.aggregates = aggregates
        self.exist = False
        """Whether there is an erasure at all: without one nothing needs to be hashed."""
        self.pending: set[bytes] = set()
        """Who is erased while something of them may still be kept."""

    def covers(self, person_key: bytes, event_time: int) -> bool:
        """Whether an event of that time is of an erased past; if not, nothing of that past is there any more."""
        if self._covered(person_key, event_time):
            return True
        if person_key in self.pending:
            self.execute()
        return False

    def _covered(self, person_key: bytes, event_time: int) -> bool:
        raw = self.store.entities.get(fingerprint(person_key))
        return raw is not None and event_time <= erased_until(raw)

    def erase(self, person_key: bytes, event_time: int) -> bool:
        """Have all that is kept of a person deleted, at the latest by `settle`; False for one not newer than the last."""
        if self._covered(person_key, event_time):
            return False
        store = self.store
        store.put(
            fingerprint(person_key),
            _pack((event_time, store.record_timestamp)),
            store.record_timestamp + store.rules.entity_retention,
        )
        self.exist = True
        self.pending.add(person_key)
        return True

    def execute(self) -> None:
        """Delete what is pending, in one pass over all entities however many persons it is."""
        pending, self.pending = self.pending, set()
        store, domain = self.store, self.domain
        domain.derive_changes(store)
        for key, raw in self._entities_of(pending):
            withdrawn = domain.retracted_by_erasure(key, raw, store.rules)
            store.apply_difference(withdrawn, ())
            for contribution in domain.contributions(key, raw, store.rules):
                if contribution not in withdrawn:
                    self._add_residual(contribution)
            store.put(key, None, None)

    def _entities_of(self, person_keys: set[bytes]) -> list[tuple[bytes, bytes]]:
        """The entities of persons. A look for bytes costs a tenth of decoding whose an entity is."""
        found: Iterable[tuple[bytes, bytes]] = self.store.entities.items()
        if len(person_keys) == 1:
            (one,) = person_keys
            found = [(key, raw) for key, raw in found if one in raw or one in key]
        whose = self.domain.person_key
        return [
            (key, raw)
            for key, raw in found
            if key[:1] not in (ERASURE, RESIDUAL) and whose(key, raw) in person_keys
        ]

    def _add_residual(self, contribution: Contribution) -> None:
        key = RESIDUAL + _pack(contribution[:4])
        raw = self.store.entities.get(key)
        total = {} if raw is None else _decode_vector(raw)
        add(total, contribution.vector)
        sorted_ = dict(sorted(total.items()))  # the same whoever was erased first
        self.store.put(key, _pack(sorted_), self.expires_at(key, b"", self.store.rules))

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """The watermark at which an erasure or a remainder is forgotten; None: never, what is left in a stock."""
        if key[:1] == ERASURE:
            return _decode_times(raw)[1] + config.entity_retention
        name, _, _, minute = _decode_leaf(key[1:])
        aggregate = self.aggregates[name]
        if aggregate.kind in ("stock", "open_items"):
            return None
        kept = config.long_pane_retention if aggregate.long_retention else config.pane_retention
        return minute * MINUTE + HOURS.span + kept

    def residuals(self) -> Iterable[Contribution]:
        """What erased people left in the figures."""
        for key, raw in self.store.entities.items():
            if key[:1] == RESIDUAL:
                yield Contribution(*_decode_leaf(key[1:]), _decode_vector(raw))

    def migrate(self, old: tuple[str, ...]) -> None:
        """Remainders under the rules in force; `old` are the dimensions that their values stand for."""
        names = [self.store.rules.dimensions[i] for i in self.store.rules.projected_dimensions]
        left = list(self.residuals())
        for key in [key for key in self.store.entities if key[:1] == RESIDUAL]:
            self.store.put(key, None, None)
        for contribution in left:
            have = dict(zip(old, contribution.values, strict=False))
            self._add_residual(contribution._replace(values=tuple(have.get(name) for name in names)))
