"""Entities of one partition as the engine uses them, and the form that keeps them in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from stream.core.aggregation.timers import MemoryTimers, Timers

SLICE = 2_000
"""Entities that are read together where all are read."""


class PersonKeys(Protocol):
    """Keys of entities by the person whose they are, and those of parts that name nobody by their whole."""

    def of_person(self, person: bytes) -> list[bytes]:
        """Return the keys of a person's entities."""

    def parts(self, prefix: bytes) -> list[bytes]:
        """Return the keys that begin with the prefix, of entities that name nobody."""


class Entities(Protocol):
    """Packed entities by key. Changes show at once, whether they are written or not."""

    on_disk: bool
    """True if a look-up of one key is slow, so that `ask` pays."""

    @property
    def fresh(self) -> dict[bytes, bytes]:
        """Where an entity that does not exist may be put without a look-up. `on_insert` is called for it then."""

    @property
    def on_insert(self) -> Callable[[bytes, bytes, str | None], bytes] | None:
        """Told of entities in `fresh` that are no parts of others: key, packed, whose it is. Returns its `timer`.

        None if nobody needs to know. The timer is the key then.
        """

    @property
    def persons(self) -> PersonKeys | None:
        """The keys of each person's entities, None if the entities do not follow them."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return an entity, None if it does not exist."""

    def __contains__(self, key: object, /) -> bool: ...

    def __getitem__(self, key: bytes, /) -> bytes: ...

    def put(self, key: bytes, raw: bytes, *, reschedules: bool) -> None:
        """Store an entity. `reschedules`: the caller registers a timer for it, in place of one that it may have."""

    def pop(self, key: bytes, default: None, /) -> bytes | None:
        """Delete an entity if it exists, and return it."""

    def __len__(self) -> int: ...

    def __bool__(self) -> bool: ...

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """Return all keys and entities. The caller changes none meanwhile."""

    def slices(self, prefix: bytes) -> Iterator[Sequence[tuple[bytes, bytes]]]:
        """Yield the keys with this prefix and their entities, at most `SLICE` at a time.

        The caller may change entities of slices that it was given.
        """

    def ask(self, keys: Iterable[bytes]) -> None:
        """Look up keys together. The next look-up of each costs little."""

    def take(self) -> None:
        """Note that a flush has all changes so far."""

    def timers(self, *, of_derived: bool) -> Timers:
        """Return timers that are kept where the entities are. `of_derived`: those that go by the newest timestamp."""

    def timer(self, key: bytes, raw: bytes) -> bytes:
        """Return the timer of an entity, as `Timers.keys` takes it."""

    def delete_unread(self, due: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Delete the entities of timers that are due if that is certain without reading them.

        Return their keys, and the keys of the other timers.
        """

    def without_timers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the restored entities that have no timers yet. The caller registers them."""

    def restore(self, key: bytes, raw: bytes | None, register: Callable[[bytes, bytes], None]) -> None:
        """Restore an entity, or its deletion if `raw` is None.

        `register` registers the timer of an entity. It is not called if `without_timers` yields the entity later.
        """


class MemoryEntities(dict[bytes, bytes]):
    """Entities in memory."""

    on_disk: bool = False
    on_insert: Callable[[bytes, bytes, str | None], bytes] | None = None
    persons: None = None

    @property
    def fresh(self) -> dict[bytes, bytes]:
        """The entities themselves."""
        return self

    def __bool__(self) -> bool:
        return len(self) > 0

    def put(self, key: bytes, raw: bytes, *, reschedules: bool) -> None:
        """Store an entity."""
        del reschedules
        self[key] = raw

    def slices(self, prefix: bytes) -> Iterator[Sequence[tuple[bytes, bytes]]]:
        """Yield the keys with this prefix and their entities, at most `SLICE` at a time."""
        keys = [key for key in self if key.startswith(prefix)]
        for i in range(0, len(keys), SLICE):
            yield [(key, self[key]) for key in keys[i : i + SLICE]]

    def ask(self, keys: Iterable[bytes]) -> None:
        """Do nothing."""

    def take(self) -> None:
        """Do nothing."""

    def timers(self, *, of_derived: bool) -> MemoryTimers:
        """Return timers in memory."""
        del of_derived
        return MemoryTimers()

    def timer(self, key: bytes, raw: bytes) -> bytes:
        """Return the key."""
        del raw
        return key

    def delete_unread(self, due: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Delete nothing, because reading costs little."""
        return [], due

    def without_timers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield all entities."""
        return iter(self.items())

    def restore(self, key: bytes, raw: bytes | None, register: Callable[[bytes, bytes], None]) -> None:
        """Restore an entity or its deletion."""
        del register
        if raw is None:
            self.pop(key, None)
        else:
            self[key] = raw
