"""The entities of each person, so that an erasure reads these and no others."""

from stream.core.aggregation.entities import Entities
from stream.core.aggregation.entity_kind import EntityKinds


class PersonIndex:
    """Keys of entities by the person whose they are, and those of parts that name nobody by their whole.

    It follows from the entities and is not stored. A person with one entity costs about 100 bytes, with several 200 and 8
    more for each, so a partition has an index only once it has seen an erasure.
    """

    def __init__(self, kinds: EntityKinds, entities: Entities) -> None:
        self._kinds = kinds
        self.by_person: dict[bytes, bytes | list[bytes]] = {}
        self.by_whole: dict[bytes, bytes | list[bytes]] = {}
        for key, raw in entities.items():
            self.replace(key, None, raw)

    def of_person(self, person: bytes) -> list[bytes]:
        """Return the keys of a person's entities."""
        return _as_list(self.by_person.get(person))

    def parts(self, prefix: bytes) -> list[bytes]:
        """Return the keys that begin with the prefix, of entities that name nobody."""
        return _as_list(self.by_whole.get(prefix))

    def replace(self, key: bytes, before: bytes | None, after: bytes | None) -> None:
        """Follow a change of an entity. Packed, None if it does not exist."""
        kind = self._kinds.of(key)
        old = None if before is None else kind.person(key, before)
        new = None if after is None else kind.person(key, after)
        if old != new:
            _remove(self.by_person, old, key)
            _add(self.by_person, new, key)
        if (whole := kind.whole(key)) is not None:
            was_part, is_part = before is not None and old is None, after is not None and new is None
            if was_part != is_part:
                (_add if is_part else _remove)(self.by_whole, whole, key)


def _as_list(keys: bytes | list[bytes] | None) -> list[bytes]:
    if keys is None:
        return []
    return [keys] if isinstance(keys, bytes) else list(keys)


def _add(index: dict[bytes, bytes | list[bytes]], name: bytes | None, key: bytes) -> None:
    """Add a key. One alone is stored without a list, which would double the memory of most."""
    if name is None:
        return
    keys = index.setdefault(name, key)
    if isinstance(keys, list):
        keys.append(key)
    elif keys is not key:
        index[name] = [keys, key]


def _remove(index: dict[bytes, bytes | list[bytes]], name: bytes | None, key: bytes) -> None:
    if name is None:
        return
    keys = index[name]
    if isinstance(keys, bytes):
        del index[name]
        return
    keys.remove(key)  # the oldest is mostly first: entities expire in this order
    if not keys:
        del index[name]
