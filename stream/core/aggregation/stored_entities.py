r"""Entities in an ordered table, such as a database on local disk. The table has nothing that no flush has committed.

Keys of entities begin with a letter, all other rows with a zero byte:

    \0n                            number of the next row of timers, number of entities
    \0p person key                 an entity of a person, of whom it has a checksum
    \0w length whole key           a part that names nobody
    \0t minute number              timers that go by the watermark (see `StoredTimers`)
    \0u minute number              timers that go by the newest timestamp

A timer is `person key`, so that an entity of a kind that `expires_unread` is deleted with its row of a person. Such an
entity has exactly one timer that is not cancelled, with its present person, at its present expiry. Timers of other kinds
have no person, and may be obsolete. A timer may outlast the erasure of its person, hence the checksum.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import cast
from zlib import crc32

import msgspec

from stream.core.aggregation import entities
from stream.core.aggregation.entity_kind import EntityKinds
from stream.core.aggregation.erasure import ERASURE
from stream.core.aggregation.layers import Layers, OrderedTable
from stream.core.aggregation.stored_timers import StoredTimers
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.pane_blocks import Row

ROWS = 10_000
"""Rows of a restore that are written together."""
MAX_ASKED = 100_000
"""Results of look-ups that are kept until the next commit."""

_COUNTERS, _PERSON, _WHOLE, _TIMERS, _TIMERS_OF_DERIVED = b"\0n", b"\0p", b"\0w", b"\0t", b"\0u"
_FIRST_KEY = b"\1"
_PERSON_BYTES = 4
_NOBODY = bytes(_PERSON_BYTES)
_pack = msgspec.msgpack.Encoder().encode
_unpack_counters = msgspec.msgpack.Decoder(tuple[int, int]).decode
_UNCHANGED = b"unchanged"
"""Stands for no change in a layer. Compared by identity."""


class StoredPersonKeys:
    """The keys of the entities of each person, as ranges of a table."""

    def __init__(self, kinds: EntityKinds, table: OrderedTable, entities: "StoredEntities") -> None:
        self.layers = Layers(table)
        self._kinds = kinds
        self._entities = entities

    def of_person(self, person: bytes) -> list[bytes]:
        """Return the keys of a person's entities, which are read, because others have the same checksum."""
        keys, entities, kinds = self._range(_PERSON + _checksum(person)), self._entities, self._kinds
        entities.ask(keys)
        return [key for key in keys if kinds.of(key).person(key, entities[key]) == person]

    def parts(self, prefix: bytes) -> list[bytes]:
        """Return the keys that begin with the prefix, of entities that name nobody."""
        return self._range(_named(_WHOLE, prefix))

    def _range(self, begin: bytes) -> list[bytes]:
        return [row[len(begin) :] for row, _ in self.layers.starting_with(begin, begin)]

    def replace(
        self, key: bytes, before: bytes | None, after: bytes | None
    ) -> tuple[bytes | None, bytes | None]:
        """Follow a change of an entity. Packed, None if it does not exist. Return the persons before and after."""
        kind, changes = self._kinds.of(key), self.layers.mine
        old = None if before is None else kind.person(key, before)
        new = None if after is None else kind.person(key, after)
        if old != new:
            if old is not None:
                changes[_PERSON + _checksum(old) + key] = None
            if new is not None:
                changes[_PERSON + _checksum(new) + key] = b""
        if (whole := kind.whole(key)) is not None:
            was_part, is_part = before is not None and old is None, after is not None and new is None
            if was_part != is_part:
                changes[_named(_WHOLE, whole) + key] = b"" if is_part else None
        return old, new

    def delete(self, key: bytes, timer: bytes) -> None:
        """Follow the deletion of an entity with this timer."""
        if not timer.startswith(_NOBODY):
            self.layers.mine[_PERSON + timer] = None
        elif (whole := self._kinds.of(key).whole(key)) is not None:
            self.layers.mine[_named(_WHOLE, whole) + key] = None


def _named(prefix: bytes, name: bytes) -> bytes:
    return b"%b%b%b" % (prefix, len(name).to_bytes(2), name)


def _checksum(person: bytes) -> bytes:
    """Return four bytes for a person, which are not those of nobody."""
    return (crc32(person) or 1).to_bytes(_PERSON_BYTES)


class StoredEntities:
    """Entities in a table, which belongs to them alone. See `Entities`.

    `is_empty`: the table is empty, and all entities will be restored.
    """

    on_disk: bool = True

    def __init__(
        self, table: OrderedTable, kinds: EntityKinds, config: AggregationConfig, *, is_empty: bool
    ) -> None:
        self._kinds = kinds
        self._config = config
        self.persons = StoredPersonKeys(kinds, table, self)
        counters = table.get(_COUNTERS)
        self._number, self._count = (0, 0) if counters is None else _unpack_counters(counters)
        self._timers = {
            of_derived: StoredTimers(table, prefix, self._next_number)
            for of_derived, prefix in ((False, _TIMERS), (True, _TIMERS_OF_DERIVED))
        }
        self._table = table
        self._layers = Layers(table)
        self._asked: dict[bytes, bytes | None] = {}
        """Rows of the table that were looked up since the last commit."""
        self._taken_count = self._count
        self._restored = 0
        self.has_erased = False
        """True if a flush has taken an erasure. Whoever removes deleted rows from the table's files sets it back."""
        self._erases = False
        """True if a person was erased since the last take."""
        self._fills = is_empty
        """Entities are written as they come. Their number, persons and timers follow in `without_timers`."""

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def get(self, key: bytes, _default: None = None, /) -> bytes | None:
        """Return an entity, None if it does not exist."""
        raw = self._layers.mine.get(key, _UNCHANGED)
        if raw is not _UNCHANGED:
            return raw
        raw = self._layers.older.get(key, _UNCHANGED)
        if raw is not _UNCHANGED:
            return raw
        raw = self._asked.get(key, _UNCHANGED)
        if raw is _UNCHANGED:
            raw = self._asked[key] = self._table.get(key)
        return raw

    def __contains__(self, key: object, /) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]  # as cheap as possible: every answer comes by

    def __getitem__(self, key: bytes, /) -> bytes:
        if (raw := self.get(key)) is None:
            raise KeyError(key)
        return raw

    def put(self, key: bytes, raw: bytes, *, reschedules: bool) -> None:
        """Store an entity. `reschedules`: the caller registers a timer for it, in place of one that it may have."""
        if self._fills:
            self._fill(key, raw)
            return
        before = self.get(key)
        self._count += before is None
        self._erases = self._erases or key[:1] == ERASURE
        self._layers.mine[key] = raw
        old, new = self.persons.replace(key, before, raw)
        if before is not None and (reschedules or old != new):
            self._cancel_timer(key, before, None if reschedules else raw)

    @property
    def fresh(self) -> dict[bytes, bytes]:
        """The changes since the last take."""
        return cast("dict[bytes, bytes]", self._layers.mine)

    def on_insert(self, key: bytes, raw: bytes, person: str | None) -> bytes:
        """Follow an entity that was put into `fresh`, of a kind that `expires_unread`. Return its timer."""
        del raw
        self._count += 1
        if person is None:
            return _NOBODY + key
        timer = _checksum(person.encode()) + key
        self.persons.layers.mine[_PERSON + timer] = b""
        return timer

    def timer(self, key: bytes, raw: bytes) -> bytes:
        """Return the timer of an entity."""
        kind = self._kinds.of(key)
        person = kind.person(key, raw) if kind.expires_unread else None
        return (_NOBODY if person is None else _checksum(person)) + key

    def _cancel_timer(self, key: bytes, before: bytes, after: bytes | None) -> None:
        """Cancel the timer of an entity if it may be deleted unread. Register that of its bytes `after`, if not None."""
        kind = self._kinds.of(key)
        if not kind.expires_unread or (expires_at := kind.expires_at(key, before, self._config)) is None:
            return
        timers = self._timers[kind.from_derived]
        timers.cancel(expires_at, self.timer(key, before))
        if after is not None:
            timers.keys(expires_at).append(self.timer(key, after))

    def delete_unread(self, due: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Delete the entities of timers that are due if that is certain. Return their keys, and those of the others."""
        deleted, others, mine = [], [], self._layers.mine
        for timer in due:
            key = timer[_PERSON_BYTES:]
            if self._kinds.of(key).expires_unread:
                mine[key] = None
                self.persons.delete(key, timer)
                deleted.append(key)
            else:
                others.append(key)
        self._count -= len(deleted)
        return deleted, others

    def pop(self, key: bytes, _default: None = None, /) -> bytes | None:
        """Delete an entity if it exists, and return it."""
        if (before := self.get(key)) is None:
            return None
        if self._fills:
            self._fill(key, None)
            return before
        self._count -= 1
        self._layers.mine[key] = None
        self.persons.replace(key, before, None)
        self._cancel_timer(key, before, None)
        return before

    def __len__(self) -> int:
        return self._count

    def __bool__(self) -> bool:
        """Return whether there is an entity, also while their number is not known yet."""
        return next(self.items(), None) is not None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys and entities, as of the first one."""
        return self._layers.starting_with(b"", _FIRST_KEY)

    def slices(self, prefix: bytes) -> Iterator[Sequence[tuple[bytes, bytes]]]:
        """Yield the keys with this prefix and their entities, at most `entities.SLICE` at a time, in order.

        No iterator of the table is open in between, because that would keep the files which the table replaces.
        """
        start = prefix or _FIRST_KEY
        while part := list(islice(self._layers.starting_with(prefix, start), entities.SLICE)):
            yield part
            start = part[-1][0] + b"\0"

    def ask(self, keys: Iterable[bytes]) -> None:
        """Look up keys together. The next look-up of each costs little."""
        if len(self._asked) > MAX_ASKED:
            self._asked.clear()
        keys = list(keys)
        self._asked.update(zip(keys, self._table.get_many(keys), strict=True))

    def timers(self, *, of_derived: bool) -> StoredTimers:
        """Return the timers of the table."""
        return self._timers[of_derived]

    def restore(self, key: bytes, raw: bytes | None, register: Callable[[bytes, bytes], None]) -> None:
        """Restore an entity or its deletion, with its timer unless all entities are restored."""
        if self._fills:
            self._fill(key, raw)
            return
        if raw is None:
            self.pop(key)
        else:
            moves = self._expiry_moves(key, raw)
            self.put(key, raw, reschedules=moves)
            if moves:
                register(key, raw)
        self._write_some()

    def _expiry_moves(self, key: bytes, raw: bytes) -> bool:
        """Return False if an entity has a timer that is right for its new bytes, too."""
        kind, before = self._kinds.of(key), self.get(key)
        if before is None or not kind.expires_unread:
            return True
        return kind.expires_at(key, before, self._config) != kind.expires_at(key, raw, self._config)

    def _fill(self, key: bytes, raw: bytes | None) -> None:
        # the topic may still have an erased person's entities before their deletions
        self._erases = self._erases or key[:1] == ERASURE
        self._layers.mine[key] = raw
        self._write_some()

    def without_timers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield all entities if all were restored, else none: they have timers. Persons and number follow from them."""
        if not self._fills:
            return
        self._write()
        count = 0
        for key, raw in chain.from_iterable(self.slices(b"")):
            self.persons.replace(key, None, raw)
            count += 1
            yield key, raw
            self._write_some()
        self._count, self._fills = count, False

    def _write_some(self) -> None:
        """Write the restored rows, once there are many."""
        self._restored += 1
        if self._restored % ROWS == 0:
            self._write()

    def _write(self) -> None:
        self.take()
        self.commit((), patiently=True)

    def take(self) -> None:
        """Note that a flush has all changes so far."""
        self._taken_count = self._count
        self.has_erased, self._erases = self.has_erased or self._erases, False
        for timers in self._timers.values():
            timers.take()
        self._layers.take()
        self.persons.layers.take()

    def commit(self, rows: Iterable[Row], *, patiently: bool = False) -> None:
        """Write what flushes have taken, and further rows, in one batch. Changes are kept if the table refuses it."""
        layers = self._layers, self.persons.layers, *(timers.layers for timers in self._timers.values())
        counters = _COUNTERS, _pack((self._number, self._taken_count))
        changes = chain.from_iterable(part.older.items() for part in layers)
        self._table.write(chain(changes, (counters,), rows), patiently=patiently)
        for part in layers:
            part.older = {}
        self._asked = {}

    @property
    def held(self) -> int:
        """The number of entities in memory: changes, and what was looked up since the last commit."""
        return len(self._layers.mine) + len(self._layers.older) + len(self._asked)

    @property
    def unwritten(self) -> int:
        """The number of changed entities that flushes have taken and the table does not have yet."""
        return len(self._layers.older)
