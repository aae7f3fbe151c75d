"""The simulation of flushes with databases: machines with folders, of which each process has one."""

from contextlib import suppress
from pathlib import Path
from random import Random
from typing import ClassVar

from stream.core.aggregation.domain import Domain
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.checkpoint import encode
from stream.core.model.pane_blocks import Row
from stream.kafka.reading import OffsetRange
from stream.worker.disk.database import WriteRefused
from stream.worker.disk.folders import WorkerFolder, claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from tests.core.aggregation.simulator import Crashed, Fenced, PartitionOwner, Simulation
from tests.support import DAY, NOW

FACTS = TopicFacts(b"topic", DAY)


class DiskProcess(LocalState):
    """The databases of a process, which refuse every third write."""

    def __init__(self, folder: WorkerFolder, random: Random) -> None:
        super().__init__(folder, {"feedback": FACTS, "tickets": FACTS, "customers": FACTS}, lambda: NOW)
        self.random = random

    def _check_free(self, folder: Path) -> None:
        if self.random.random() < 0.33:
            raise WriteRefused(str(folder))


class DiskSimulation(Simulation):
    """Owners keep their entities in databases, which stay behind when a process dies, and may be used by the next one."""

    folder: ClassVar[Path]
    """An empty folder for the next simulation."""

    def __init__(self, seed: int, domain: Domain, partitions: int = 2) -> None:
        self.state_logs: list[list[Row]] = [[] for _ in range(partitions)]
        """Records of the state topics."""
        self.processes: dict[PartitionTask, DiskProcess] = {}
        self.tail_begins: dict[PartitionTask, int] = {}
        self.latest: dict[int, PartitionTask] = {}
        """The last owner of each partition."""
        self.zombies: list[tuple[int, PartitionOwner]] = []
        self.reopened = 0
        """Databases that were used again."""
        super().__init__(seed, domain, partitions)

    def _load(self, number: int) -> PartitionOwner:
        """Fence the former owner. Its process may be dead, or live on with its folder."""
        stored = self.stored[number]
        stored.epoch += 1
        core = PartitionTask(self.domain, number, self.partition_count, self.config)
        log, process = self.state_logs[number], self._start_process(number)
        for key, value in stored.panes.items():
            core.restore_panes(key, value)
        begin = process.open(core, OffsetRange(0, len(log)))
        self.reopened += begin > 0
        for key, value in log[begin:]:
            core.restore_state(key, value)
        self.processes[core], self.tail_begins[core], self.latest[number] = process, len(log), core
        owner = PartitionOwner(core, stored.epoch, core.next_offset)
        self.finish_restore(number, owner)
        assert dict(core.store.entities.items()) == stored.state
        assert len(core.store.entities) == len(stored.state)
        return owner

    def _start_process(self, number: int) -> DiskProcess:
        """Start a process on a machine, after the owner of the partition has died, unless it lives on as a zombie."""
        former = self.latest.get(number)
        if former in self.processes and former not in [owner.core for _, owner in self.zombies]:
            self.processes.pop(former).stop()
        machine = self.folder / f"machine-{self.random.random() < 0.2:d}"
        return DiskProcess(claim(machine, ["cluster"], None), self.random)

    def finish_restore(self, number: int, owner: PartitionOwner) -> None:
        """A process that dies in a rebuild leaves a database with a part of it."""
        try:
            super().finish_restore(number, owner)
        except Crashed:
            self._stop(owner)
            raise

    def flush(self, number: int, owner: PartitionOwner, crash: float = 0.0) -> None:
        """Stop the process of an owner that must be discarded."""
        try:
            super().flush(number, owner, crash)
        except (Crashed, Fenced):
            self._stop(owner)
            raise

    def _stop(self, owner: PartitionOwner) -> None:
        with suppress(KeyError):
            self.processes.pop(owner.core).stop()

    def _write(self, number: int, owner: PartitionOwner, flush: Flush, crash: float) -> None:
        """Write as in memory, then to disk. A crash between the two leaves the disk behind."""
        before = len(self.state_logs[number])
        super()._write(number, owner, flush, crash)
        if len(self.state_logs[number]) > before:
            self.tail_begins[owner.core] = before
        self.processes[owner.core].commit(
            owner.core, encode(owner.core.checkpoint), self.tail_begins[owner.core]
        )

    def _commit(self, number: int, flush: Flush, checkpoint: bytes) -> None:
        super()._commit(number, flush, checkpoint)
        self.state_logs[number] += flush.state

    def close(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            process.stop()
        self.processes = {}
