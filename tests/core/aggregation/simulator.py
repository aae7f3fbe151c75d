"""A deterministic simulation around the core: logs, crashes in a flush, zombies, takeovers, new settings.

Kafka is not used. The simulation has the guarantees that a flush relies on: a transaction is written whole or not at
all, a new owner fences the former one, and forwards are written before the transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from random import Random

from stream.core.aggregation.domain import Domain
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.rebuild import rebuild
from stream.core.aggregation.task import Flush, PartitionTask
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.business_hours import Calendar
from stream.core.model.checkpoint import KEY, encode
from stream.core.model.pane_blocks import Row
from tests.support import DAY, NOW, FakeRecord, aggregation_config, partition_of_key

OFFICE = Calendar(
    name="office", since=date(2026, 1, 1), timezone="Europe/Berlin", hours=(((540, 1020),),) * 5 + ((), ())
)


class Crashed(Exception):  # noqa: N818
    """The process died at this point."""


class Fenced(Exception):  # noqa: N818
    """The partition has another owner."""


@dataclass
class StoredPartition:
    """Stored state of a partition."""

    state: dict[bytes, bytes] = field(default_factory=dict)
    panes: dict[bytes, bytes] = field(default_factory=dict)
    epoch: int = 0


@dataclass
class PartitionOwner:
    """A process that holds a partition in memory, and its position in the log."""

    core: PartitionTask
    epoch: int
    position: int
    rebuilt: bool = False


class Simulation:
    """Partitions of one topic, their logs and their owners. All randomness comes from the seed."""

    def __init__(self, seed: int, domain: Domain, partitions: int = 2) -> None:
        self.random = Random(seed)
        self.domain = domain
        self.partition_count = partitions
        self.logs: list[list[FakeRecord]] = [[] for _ in range(partitions)]
        self.stored = [StoredPartition() for _ in range(partitions)]
        self.dead_letters: list[OutgoingRecord] = []
        self.derived: list[OutgoingRecord] = []
        self.config: AggregationConfig = aggregation_config()
        self.crashes = 0
        """Number of processes that died in a rebuild."""
        self.owners = [self.take_over(number) for number in range(partitions)]
        self.zombies: list[tuple[int, PartitionOwner]] = []

    def publish(self, key: str, value: bytes, timestamp: int = NOW) -> None:
        """Append a record, sometimes to a wrong partition. Offsets have gaps."""
        number = partition_of_key(key, self.partition_count)
        if self.random.random() < 0.15:
            number = self.random.randrange(self.partition_count)
        self._append(number, timestamp, key.encode(), value, [])

    def _append(
        self, number: int, timestamp: int, key: bytes | None, value: bytes | None, headers: list
    ) -> None:
        log = self.logs[number]
        offset = (log[-1].offset + 1 if log else 0) + (self.random.random() < 0.1)
        log.append(FakeRecord(offset, timestamp, key, value, headers))

    def take_over(self, number: int) -> PartitionOwner:
        """Fence the former owner of a partition and load it in a new process, after processes that die in a rebuild."""
        while True:
            try:
                return self._load(number)
            except Crashed:
                self.crashes += 1
                if self.random.random() < 0.3:
                    self.config = self._other_config()

    def _load(self, number: int) -> PartitionOwner:
        stored = self.stored[number]
        stored.epoch += 1
        core = PartitionTask(self.domain, number, self.partition_count, self.config)
        for key, value in stored.state.items():
            core.restore_state(key, value)
        for key, value in stored.panes.items():
            core.restore_panes(key, value)
        owner = PartitionOwner(core, stored.epoch, core.next_offset)
        self.finish_restore(number, owner)
        return owner

    def finish_restore(self, number: int, owner: PartitionOwner) -> None:
        """End the restore, after a rebuild if one is needed, of which everything is written with the first flush."""
        core, written = owner.core, list[Row]()
        for part in rebuild(core) if core.needs_rebuild else ():
            owner.rebuilt = True
            for outgoing in part.forwards:
                self._send(outgoing)
            written += part.state
            if self.random.random() < 0.1:
                raise Crashed
        core.finish_restore()
        if owner.rebuilt:
            flush = core.prepare_flush(NOW, 0)
            self._write(number, owner, flush._replace(state=written + flush.state), crash=0.1)

    def read(self, number: int, owner: PartitionOwner, max_records: int = 4) -> None:
        """Process some records from the owner's position."""
        batch = [record for record in self.logs[number] if record.offset >= owner.position][:max_records]
        owner.core.process(batch, NOW)
        if batch:
            owner.position = batch[-1].offset + 1

    def flush(self, number: int, owner: PartitionOwner, crash: float = 0.0) -> None:
        """Flush the owner's changes. After `Crashed` or `Fenced` the owner must be discarded."""
        self._write(number, owner, owner.core.prepare_flush(NOW, 0), crash)

    def _write(self, number: int, owner: PartitionOwner, flush: Flush, crash: float) -> None:
        checkpoint = encode(flush.checkpoint)
        for outgoing in flush.forwards:
            if self.random.random() < crash / 3:
                raise Crashed
            self._send(outgoing)
        if self.random.random() < crash:
            raise Crashed
        if owner.epoch != self.stored[number].epoch:
            raise Fenced
        self._commit(number, flush, checkpoint)
        if self.random.random() < crash / 2:
            raise Crashed

    def _send(self, outgoing: OutgoingRecord) -> None:
        if outgoing.domain != self.domain.name:
            self.derived.append(outgoing)
            return
        assert outgoing.partition is not None
        self._append(
            outgoing.partition, outgoing.timestamp or NOW, outgoing.key, outgoing.value, outgoing.headers
        )

    def _commit(self, number: int, flush: Flush, checkpoint: bytes) -> None:
        stored = self.stored[number]
        for table, rows in ((stored.state, flush.state), (stored.panes, flush.panes)):
            for key, value in rows:
                if value is None:
                    table.pop(key, None)
                else:
                    table[key] = value
        stored.panes[KEY] = checkpoint
        self.dead_letters += flush.dead_letters

    def step(self) -> None:
        """Take a random step: read, flush, take over, revive a zombie, seek or change the settings."""
        number = self.random.randrange(self.partition_count)
        owner = self.owners[number]
        choice = self.random.random()
        if choice < 0.45:
            self.read(number, owner, self.random.randrange(1, 6))
        elif choice < 0.75:
            try:
                self.flush(number, owner, crash=0.3)
            except Crashed:
                self.owners[number] = self.take_over(number)
        elif choice < 0.83:
            self.zombies.append((number, owner))
            self.owners[number] = self.take_over(number)
        elif choice < 0.9 and self.zombies:
            number, zombie = self.zombies.pop()
            self.read(number, zombie)
            try:
                self.flush(number, zombie)
            except Fenced:
                return
            raise AssertionError("a zombie has written")
        elif choice < 0.95:
            owner.position = 0
        else:
            self.config = self._other_config()
            self.owners[number] = self.take_over(number)

    def _other_config(self) -> AggregationConfig:
        """Return settings under which the same events give other figures."""
        views = self.random.choice([("channel",), ("touchpoint",), ("channel", "touchpoint")])
        settings = self.random.choice(
            [{}, {"response_target": DAY, "margin_rate": 0.3}, {"calendars": (OFFICE,)}]
        )
        config_hash = "-".join((*views, *settings))
        return aggregation_config(views={"total": (), "view": views}, config_hash=config_hash, **settings)

    def finish(self) -> list[PartitionTask]:
        """Take over every partition with the last settings and count to the end."""
        while True:
            self.owners = [self.take_over(number) for number in range(self.partition_count)]
            for number, owner in enumerate(self.owners):
                self.read(number, owner, 1 << 30)
                self.flush(number, owner)
            if all(
                not log or o.core.next_offset > log[-1].offset
                for log, o in zip(self.logs, self.owners, strict=True)
            ):
                return [self.take_over(number).core for number in range(self.partition_count)]


def once(like: PartitionTask, records: Iterable[FakeRecord], clock: int = NOW) -> PartitionTask:
    """Return a task like `like` that processed these records in one run, at the same watermark."""
    task = PartitionTask(like.domain, like.number, like.partition_count, like.config)
    task.process(records, clock)
    task.checkpoint.watermark = like.panes.expired_before
    task.prepare_flush(clock, 0)
    return task
