"""Coverage: a partition is covered while its last checkpoint is recent and reports a small lag."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stream.core.model.checkpoint import MAX_AGE, VERSION, Checkpoint

SILENT_AFTER = 12_000
"""Ms without a checkpoint of a partition from which people are told. A worker without events writes one every 5 s."""


class PartitionId(NamedTuple):
    """A partition of the panes of a domain."""

    domain: str
    partition: int


class Coverage:
    """The newest checkpoint of every expected partition and the time of its receipt (ms of a monotonic clock)."""

    def __init__(self, domains: Iterable[str], partitions: int, config_hash: str) -> None:
        self.config_hash = config_hash
        self.expected = [PartitionId(domain, n) for domain in domains for n in range(partitions)]
        self.checkpoints: dict[PartitionId, Checkpoint] = {}
        self._partitions = partitions
        self._received_at: dict[PartitionId, int] = {}
        self._failed: dict[PartitionId, str] = {}
        self._started_at: int | None = None

    def start(self, now: int) -> None:
        """Begin to wait for checkpoints. `now` is in ms of a monotonic clock. Later calls have no effect."""
        if self._started_at is None:
            self._started_at = now

    def silence(self, now: int) -> int:
        """Return the longest time in ms for which a partition had no checkpoint, at most since the start.

        Partitions that cannot be read any further are left out. `now` is in ms of a monotonic clock.
        """
        started = now if self._started_at is None else self._started_at
        oldest = min(
            (
                max(started, self._received_at.get(partition, started))
                for partition in self.expected
                if partition not in self._failed
            ),
            default=now,
        )
        return max(0, now - oldest)

    def record(self, partition: PartitionId, checkpoint: Checkpoint, received_at: int) -> None:
        """Record a checkpoint as received at `received_at`, in ms of a monotonic clock."""
        self.checkpoints[partition] = checkpoint
        self._received_at[partition] = received_at

    def forget(self, partition: PartitionId) -> None:
        """Mark a partition that is read from its beginning as not covered until its next checkpoint."""
        self.checkpoints.pop(partition, None)
        self._failed.pop(partition, None)

    def fail(self, partition: PartitionId, reason: str) -> None:
        """Mark a partition as not covered until it is read from its beginning, because it cannot be read any further."""
        self._failed[partition] = reason

    def gap(self, partition: PartitionId, now: int) -> str:
        """Return the reason why a partition is not covered, or an empty text if it is.

        `now` is in ms of a monotonic clock.
        """
        checkpoint = self.checkpoints.get(partition)
        if partition in self._failed:
            return self._failed[partition]
        if checkpoint is None:
            return "no checkpoint yet"
        if mismatch := self._mismatch(checkpoint):
            return mismatch
        if now - self._received_at[partition] >= MAX_AGE:
            return f"no checkpoint for {(now - self._received_at[partition]) // 1000} s"
        return _lag(checkpoint) if checkpoint.lag_ms >= MAX_AGE else ""

    def _mismatch(self, checkpoint: Checkpoint) -> str:
        """Return how a checkpoint differs in version, partitions or settings, or an empty text if it does not."""
        if checkpoint.version != VERSION:
            age = "a newer" if checkpoint.version > VERSION else "an older"
            return f"written by {age} version ({checkpoint.version}, here {VERSION})"
        if checkpoint.partitions != self._partitions:
            return f"counted with {checkpoint.partitions} partitions, here {self._partitions}"
        if checkpoint.config_hash != self.config_hash:
            return f"counted under other settings ({checkpoint.config_hash}, here {self.config_hash})"
        return ""

    def gaps(self, now: int) -> Iterator[tuple[PartitionId, str]]:
        """Yield each partition that is not covered, with the reason. `now` is in ms of a monotonic clock."""
        for partition in self.expected:
            if reason := self.gap(partition, now):
                yield partition, reason

    def of(self, domain: str) -> list[Checkpoint]:
        """Return the checkpoints of a domain."""
        return [
            checkpoint for partition, checkpoint in self.checkpoints.items() if partition.domain == domain
        ]

    def complete_since(self, domain: str) -> int:
        """Return the time in ms from which on no pane of a domain is missing."""
        return max((checkpoint.complete_since for checkpoint in self.of(domain)), default=0)


def _lag(checkpoint: Checkpoint) -> str:
    """Return why a partition lags."""
    if checkpoint.blocked_at >= 0:
        return f"its worker cannot read the batch at offset {checkpoint.blocked_at} of its source"
    if not checkpoint.reached_end:
        return "its worker has not reached the end of its source yet"
    return f"its worker is {checkpoint.lag_ms // 1000} s behind"
