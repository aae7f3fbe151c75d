"""The clocks that an exporter can compare: its own, those of the workers and that of the broker."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from stream.clock import SteadyClock, describe
from stream.core.model.checkpoint import MAX_AGE
from stream.core.model.clock_comparison import MAX_DIFFERENCE, Comparison, compare, majority
from stream.core.model.clock_record import ClockRecord
from stream.exporter.coverage import PartitionId
from stream.text import printable

BROKER = "broker"
MAX_BROKER_AGE = 180_000
"""Ms after which the broker's clock is unknown. Workers write a record every minute."""


class Reading(NamedTuple):
    """A time that another clock showed: its difference from the monotonic clock, and when it was read. In ms."""

    offset: int
    read_at: int


class ExporterClock:
    """The exporter's clock, and the readings of others. It reads no clock itself."""

    def __init__(self, expected: Collection[PartitionId]) -> None:
        self.name = "exporter"
        """The name of this exporter among the clocks."""
        self.error = ""
        """The reason why the clock topic cannot be read. Empty if it can."""
        self._expected = frozenset(expected)
        self._steady = SteadyClock()
        self._offset = 0
        """Difference of the wall clock from the monotonic clock in ms, as last read."""
        self._checkpoints: dict[PartitionId, Reading] = {}
        self._workers: dict[PartitionId, str] = {}
        self._broker: Reading | None = None

    def read(self, monotonic_ms: int, wall_ms: int) -> int:
        """Return the present in ms since the epoch: the wall clock, without jumps that other clocks contradict.

        `monotonic_ms` and `wall_ms` are the present by the monotonic clock and by the wall clock.
        """
        self._offset = wall_ms - monotonic_ms
        others = majority([reading.offset for reading in self._others(monotonic_ms).values()])
        return self._steady.read(monotonic_ms, wall_ms, None if others is None else monotonic_ms + others)

    def record_checkpoint(self, partition: PartitionId, written_at: int, monotonic_ms: int) -> None:
        """Record a checkpoint that was read as soon as it was written, at `monotonic_ms`."""
        self._checkpoints[partition] = Reading(written_at - monotonic_ms, monotonic_ms)

    def record_worker(self, record: ClockRecord) -> None:
        """Record which partitions a worker owns. Names are needed only for texts, so an old record does no harm."""
        name = f"worker {printable(record.worker)}"
        owned = (PartitionId(domain, n) for domain, numbers in record.partitions.items() for n in numbers)
        self._workers |= dict.fromkeys(self._expected.intersection(owned), name)

    def record_broker(self, appended_at: int, monotonic_ms: int) -> None:
        """Record the broker's time of a record that was read as soon as it was written, at `monotonic_ms`."""
        self._broker = Reading(appended_at - monotonic_ms, monotonic_ms)

    def _others(self, monotonic_ms: int) -> dict[str, Reading]:
        """Return the newest readings of the other clocks by name."""
        readings: dict[str, Reading] = {}
        unnamed: dict[PartitionId, Reading] = {}
        for partition, reading in self._checkpoints.items():
            if monotonic_ms - reading.read_at >= MAX_AGE:
                continue
            if (name := self._workers.get(partition)) is None:
                unnamed[partition] = reading
            elif name not in readings or reading.read_at >= readings[name].read_at:
                readings[name] = reading
        readings |= _clusters(
            {
                partition: reading
                for partition, reading in unnamed.items()
                if all(abs(reading.offset - known.offset) > MAX_DIFFERENCE for known in readings.values())
            }
        )
        if self._broker is not None and monotonic_ms - self._broker.read_at < MAX_BROKER_AGE:
            readings[BROKER] = self._broker
        return readings

    def compare(self, monotonic_ms: int) -> Comparison:
        """Compare the clocks at `monotonic_ms`. Without another clock there are no differences."""
        others = {name: reading.offset for name, reading in self._others(monotonic_ms).items()}
        return compare({self.name: self._offset, **others}, self.name) if others else Comparison({}, False)

    def notes(self, monotonic_ms: int) -> Iterator[tuple[str, str]]:
        """Yield texts about a jump of the own clock and about clocks that differ.

        Each has a key that does not change with the size of a difference.
        """
        if self.error:
            yield self.error, f"the broker's clock is not compared: {self.error}"
        if report := self._steady.report(monotonic_ms):
            yield report, f"clock of this exporter: {report}"
        comparison = self.compare(monotonic_ms)
        if comparison.differing:
            texts = [
                f"{'this exporter' if name == self.name else name} {describe(difference)}"
                for name, difference in comparison.differing.items()
            ]
            against = (
                "clocks differ from the majority"
                if comparison.has_majority
                else "clocks differ and no majority agrees, compared with this exporter"
            )
            yield ", ".join(comparison.differing), f"{against}: {', '.join(texts)}"


def _clusters(unnamed: dict[PartitionId, Reading]) -> dict[str, Reading]:
    """Return a clock for each group of partitions whose readings are close to each other.

    They have no known worker, so they may all be of one.
    """
    clusters: list[list[tuple[PartitionId, Reading]]] = []
    for partition, reading in sorted(unnamed.items(), key=lambda item: item[1].offset):
        if clusters and reading.offset - clusters[-1][-1][1].offset <= MAX_DIFFERENCE:
            clusters[-1].append((partition, reading))
        else:
            clusters.append([(partition, reading)])
    return {
        "worker of " + min(f"{p.domain} {p.partition}" for p, _ in cluster): max(
            (reading for _, reading in cluster), key=lambda reading: reading.read_at
        )
        for cluster in clusters
    }
