"""What one source partition remembers of its entities, and what an event changes in it.

Between two flushes entities that change stay unpacked in `open`; a flush derives and packs each of them once, however
many events it took.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, Protocol, get_args

from schemas.customers import CustomerResponded
from stream.core.known import Known
from stream.core.panes import Row
from stream.core.rules import Rules, Values
from stream.core.tally import Contribution, Deltas, post

Outcome = Literal[
    "accepted",
    "duplicate",
    "erased",
    "future",
    "invalid",
    "late",
    "misrouted",
    "oversized",
    "unknown_type",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

REMEMBERED = 50_000
"""Value tuples whose projection is remembered."""


class Dimensioned(Protocol):
    """Event data with dimensions."""

    channel: str | None
    touchpoint: str | None
    team: str | None
    priority: str | None
    labels: dict[str, Any] | None


def project(values: Values, rules: Rules) -> Values:
    """Of all dimension values those that views show, positional as contributions carry them."""
    found = rules.projected.get(values)
    if found is None:
        if len(rules.projected) >= REMEMBERED:
            rules.projected.clear()
        have = len(values)
        found = tuple(values[i] if i < have else None for i in rules.shown)
        rules.projected[values] = found
    return found


class Book:
    """Entities as packed bytes by key, with the changes since they were last written."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.known = Known(rules)
        self.entities: dict[bytes, bytes] = {}
        """Packed, as of the last flush where `open` has them too."""
        self.open: dict[bytes, Any] = {}
        """Unpacked: what changed since the last flush. `Domain.settle` empties it."""
        self.own: Any = None
        """What the domain keeps for itself with the book."""
        self.forgotten = 0
        """How many entities were forgotten so far."""
        self.deltas: Deltas = {}
        self.derived: list[tuple[CustomerResponded, int, int]] = []
        """Events for the customers' topic: data, time and record timestamp in ms."""
        self.labels_ignored = 0
        self.record_time = 0
        """Timestamp of the record that is being judged, in ms."""
        self.fresh: list[Row] = []
        """Entities that were entered without `put`, as records."""
        self._changed: dict[bytes, None] = {}
        self._due: defaultdict[int, list[bytes]] = defaultdict(list)

    def put(self, key: bytes, raw: bytes | None, until: int | None) -> None:
        """Keep an entity (None: forget it), and look at it again when the watermark reaches `until` ms."""
        if raw is None:
            self.entities.pop(key, None)
            self.forgotten += 1
        else:
            self.entities[key] = raw
        self._changed[key] = None
        if until is not None:
            self._due[until].append(key)

    def due_at(self, until: int) -> list[bytes]:
        """The keys that are looked at again when the watermark reaches `until` ms, to append to."""
        return self._due[until]

    def schedule(self, key: bytes, until: int) -> None:
        """Have `due` return the key once the watermark reaches `until` ms."""
        self._due[until].append(key)

    def due(self, watermark: int) -> Iterator[bytes]:
        """Keys whose moment has come; each is handed out once."""
        for until in sorted(t for t in self._due if t <= watermark):
            yield from self._due.pop(until)

    def replace(self, before: Collection[Contribution], after: Collection[Contribution]) -> None:
        """Enter the difference between an entity's contributions."""
        if before:
            post(self.deltas, before, -1)
        post(self.deltas, after)

    def values(self, data: Dimensioned) -> Values:
        """An event's dimension values, positional and capped; unusable labels are counted."""
        return self.capped((data.channel, data.touchpoint, data.team, data.priority), data.labels)

    def capped(self, values: Values, labels: Mapping[str, Any] | None) -> Values:
        """The values of the fields, with those of the labels, capped."""
        if labels is not None:
            values = (*values, *self._labels(labels))
        return self.known.capped.get(values) or self.known.dimensions(values)

    def _labels(self, labels: Mapping[str, Any]) -> Iterator[str | None]:
        """Values of the allowed labels; entries that are neither null nor usable are counted."""
        usable = 0
        for name in self.rules.labels:
            value = labels.get(name)
            trimmed = value.strip() if isinstance(value, str) else ""
            good = 1 <= len(trimmed) <= 64
            usable += good
            yield trimmed if good else None
        self.labels_ignored += sum(value is not None for value in labels.values()) - usable

    def remap(self, values: Values, old: tuple[str, ...]) -> Values:
        """Values that stood for the dimensions `old` as values for those in force."""
        have = dict(zip(old, values, strict=False))
        return self.known.dimensions(tuple(have.get(name) for name in self.rules.dimensions))

    def rows(self) -> list[Row]:
        """What changed since the last call, as it is now, as records; a forgotten entity is a tombstone."""
        changed, held = self._changed, self.entities.get
        rows = [row for row in self.fresh if row[0] not in changed] if changed else self.fresh
        rows += [(key, held(key)) for key in changed]
        self.fresh, self._changed = [], {}
        return rows
