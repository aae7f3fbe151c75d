"""Tables of both kinds for the same tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.core.aggregation.layers import OrderedTable
from tests.worker.disk.tables import MemoryTable, rocks


@pytest.fixture(params=["memory", "RocksDB"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderedTable]:
    if request.param == "memory":
        yield MemoryTable()
    else:
        database = rocks(tmp_path / "db")
        yield database
        database.close()
