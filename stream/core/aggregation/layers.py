"""Rows of an ordered table with two layers of changes above it.

- mine: changes since the last take
- older: changes that a flush has taken and that the table does not have yet
- table: rows that are written, such as those of a database on local disk
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from stream.core.model.pane_blocks import Row


class OrderedTable(Protocol):
    """Rows by key, in the order of the keys."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None if there is none."""

    def get_many(self, keys: list[bytes]) -> Sequence[bytes | None]:
        """Return the value of each key, None if there is none."""

    def items(self, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows from this key on, in order, as of the first one."""

    def write(self, rows: Iterable[Row], *, patiently: bool = False) -> None:
        """Write rows in one batch, all or none. None deletes a key.

        `patiently`: wait if the table cannot take more at the moment, instead of raising an error.
        """


class Layers:
    """Rows of a range of keys of a table, with the changes that it does not have yet. None is a deleted row."""

    def __init__(self, table: OrderedTable) -> None:
        self.mine: dict[bytes, bytes | None] = {}
        self.older: dict[bytes, bytes | None] = {}
        self._table = table

    def get(self, key: bytes) -> bytes | None:
        """Return the row of a key, None if there is none."""
        for layer in (self.mine, self.older):
            if key in layer:
                return layer[key]
        return self._table.get(key)

    def take(self) -> None:
        """Move the changes to those that a flush has taken."""
        if self.older:
            self.older.update(self.mine)
            self.mine = {}
        else:
            self.mine, self.older = self.older, self.mine

    def starting_with(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows with this prefix from the key `start` on, in order, as of the first one."""
        changes = {
            key: raw
            for layer in (self.older, self.mine)
            for key, raw in layer.items()
            if key >= start and key.startswith(prefix)
        }
        changed, position = sorted(changes), 0
        for key, raw in self._table.items(start):
            if not key.startswith(prefix):
                break
            while position < len(changed) and changed[position] < key:
                if (new := changes[changed[position]]) is not None:
                    yield changed[position], new
                position += 1
            if position < len(changed) and changed[position] == key:
                if (new := changes[key]) is not None:
                    yield key, new
                position += 1
            else:
                yield key, raw
        for key in changed[position:]:
            if (new := changes[key]) is not None:
                yield key, new
