"""The flush under crashes, zombies, replays, takeovers and new settings, with entities on disk."""

import os
from pathlib import Path
from typing import Any

import pytest

from stream.core.aggregation import entities, stored_entities
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.tickets import Tickets
from stream.worker.disk import local_state
from tests.core.aggregation import test_flush_model as in_memory
from tests.worker.disk.simulator import DiskSimulation
from tests.worker.disk.tables import MemoryTable

HISTORIES = int(os.environ.get("CX_TEST_HISTORIES", "1000"))


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have several slices and several writes to the database in a rebuild, between which processes die."""
    monkeypatch.setattr(entities, "SLICE", 2)
    monkeypatch.setattr(stored_entities, "ROWS", 3)


class MemoryDatabase(MemoryTable):
    """A database in memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def close(self) -> None:
        """Stay, as the files of a database do."""


def keep_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have databases in memory, as long as their folders exist."""
    databases: dict[Path, MemoryDatabase] = {}

    def open_database(folder: Path, options: Any) -> MemoryDatabase:
        del options
        if not folder.exists():
            folder.mkdir(parents=True)
            databases[folder] = MemoryDatabase(folder)
        return databases[folder]

    monkeypatch.setattr(local_state, "Database", open_database)


@pytest.fixture
def folders(tmp_path: Path) -> Any:
    """Give each simulation an empty folder, and end its processes."""
    number = 0
    simulations: list[DiskSimulation] = []

    class Next(DiskSimulation):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            nonlocal number
            number += 1
            DiskSimulation.folder = tmp_path / str(number)
            super().__init__(*arguments, **options)
            simulations.append(self)

    yield Next
    for simulation in simulations:
        simulation.close()
    assert sum(simulation.reopened for simulation in simulations) > len(simulations) / 4


@pytest.mark.parametrize("block", range(5))
def test_every_history_of_answers(block: int, folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases are in memory here. A failure names its seed."""
    keep_in_memory(monkeypatch)
    count = HISTORIES // 100
    for seed in range(block * count, (block + 1) * count):
        in_memory.check_feedback_history(seed, folders)


@pytest.mark.parametrize("domain", [Tickets(), Customers()], ids=lambda domain: domain.name)
def test_histories_of_tickets_and_customers(
    domain: Domain, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases are in memory here. A failure names its seed."""
    keep_in_memory(monkeypatch)
    for seed in range(HISTORIES // 50):
        in_memory.check_against_uninterrupted_run(seed, domain, folders)


def test_histories_in_rocksdb(folders: Any) -> None:
    """Of all domains."""
    for seed in range(HISTORIES // 333):
        in_memory.check_feedback_history(seed, folders)
        in_memory.check_against_uninterrupted_run(seed, Tickets(), folders)
        in_memory.check_against_uninterrupted_run(seed, Customers(), folders)
