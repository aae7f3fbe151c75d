"""Ordered tables for tests: in memory and in RocksDB."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stream.core.model.pane_blocks import Row
from stream.worker.disk.database import Database, DatabaseOptions, WriteRefused


class MemoryTable:
    """A table in memory. It refuses writes while `refuses` is true."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.refuses = False
        self.reads = 0
        """Look-ups of one key."""
        self.reads_together = 0
        """Keys that were looked up with others."""
        self.rows_read = 0
        """Rows that iterators returned."""

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.rows.get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        self.reads_together += len(keys)
        return [self.rows.get(key) for key in keys]

    def items(self, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        for row in sorted(item for item in self.rows.items() if item[0] >= start):
            self.rows_read += 1
            yield row

    def write(self, rows: Iterable[Row], *, patiently: bool = False) -> None:
        if self.refuses:
            raise WriteRefused(str(patiently))
        for key, value in list(rows):
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value


def rocks(folder: Path) -> Database:
    """Return a new database in a folder."""
    return Database(folder, DatabaseOptions())


def content(table: Any) -> dict[bytes, bytes]:
    """Return all rows."""
    return dict(table.items(b""))
