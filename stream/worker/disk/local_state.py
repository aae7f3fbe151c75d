"""The databases of the partitions that this worker owns."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from stream.clock import monotonic_ms, wall_ms
from stream.core.aggregation.stored_entities import StoredEntities
from stream.core.aggregation.task import PartitionTask
from stream.kafka.reading import OffsetRange
from stream.worker.disk import stored_checkpoint
from stream.worker.disk.database import Database, DatabaseOptions, DiskFailed, WriteRefused, failed
from stream.worker.disk.folders import WorkerFolder, remove, size
from stream.worker.disk.stored_checkpoint import Circumstances, StoredCheckpoint, rules_of

log = logging.getLogger(__name__)

MIN_FREE = 256 << 20
"""Bytes that must be free, so that RocksDB can write its files. With less nothing is written, and reading stops."""
REFUSED_TIMEOUT = 60_000
"""Time in ms for which a partition waits for the disk before the worker ends."""
REWRITE_INTERVAL = 600_000
"""Time in ms between two rewrites of a database, which remove erased persons from its files."""
STALE_INTERVAL = 3_600_000
"""Time in ms between two removals of stale folders."""


class TopicFacts(NamedTuple):
    """Facts about the state topic of a domain and its panes. `lineage`: their IDs. `max_age`: see `Circumstances`."""

    lineage: bytes
    max_age: int


class OpenDatabase:
    """The database of a partition."""

    def __init__(self, database: Database, entities: StoredEntities, seconds: float) -> None:
        self.database = database
        self.entities = entities
        self.open_seconds = seconds
        """Time that opening took."""
        self.refused_since: int | None = None
        """Monotonic time in ms of the first refused write, None after a successful one."""
        self.refusals = 0
        self.rewritten_at = -REWRITE_INTERVAL
        self.is_rewriting = False
        """True from the beginning of a rewrite to its success."""

    @property
    def has_erased(self) -> bool:
        """True if the files may contain an erased person."""
        return self.entities.has_erased or self.is_rewriting

    def rewrite(self, now: int) -> None:
        """Rewrite the files if they may contain an erased person. `now` in ms of a monotonic clock."""
        if self.is_rewriting and (result := self.database.rewrite_result()) is not None:
            self.is_rewriting, self.entities.has_erased = False, self.entities.has_erased or not result
        if self.entities.has_erased and not self.is_rewriting and now - self.rewritten_at >= REWRITE_INTERVAL:
            self.entities.has_erased, self.is_rewriting, self.rewritten_at = False, True, now
            self.database.rewrite()

    @property
    def size(self) -> int:
        """The bytes of the database's files."""
        return size(self.database.folder)


class LocalState:
    """The databases of this worker.

    `facts` by name of the domain. `clock` returns the present in ms since the epoch.
    """

    def __init__(
        self, folder: WorkerFolder, facts: Mapping[str, TopicFacts], clock: Callable[[], int] = wall_ms
    ) -> None:
        self.folder = folder
        self.opened: dict[PartitionTask, OpenDatabase] = {}
        self._facts = facts
        self._clock = clock
        self._options = DatabaseOptions()
        self._cleaned_at = -STALE_INTERVAL

    def open(self, partition: PartitionTask, state: OffsetRange) -> int:
        """Keep the entities of a partition in its database, and return the offset of the state topic to read from.

        The panes must have been read. Raises DiskFailed.
        """
        path = self.folder.partition(partition.domain.name, partition.number)
        try:
            return self._open(partition, state, path)
        except OSError as error:
            raise failed(path, str(error)) from error

    def _open(self, partition: PartitionTask, state: OffsetRange, path: Path) -> int:
        began = time.monotonic()
        facts = self._facts[partition.domain.name]
        circumstances = Circumstances(
            partition.checkpoint,
            state,
            facts.lineage,
            rules_of(partition.config),
            partition.partition_count,
            self._clock(),
            facts.max_age,
        )
        database, stored, reason = self._existing(path, circumstances)
        if database is None or reason:
            if database is not None:
                database.close()
            remove(path)
            # formatted here, because the log shows messages of one template only once in ten seconds
            text = f"{path}: the entities are read from the topic, because {reason}"
            log.info(text)
            database = Database(path, self._options)
        entities = StoredEntities(database, partition.kinds, partition.config, is_empty=bool(reason))
        entities.has_erased = stored is not None and not reason and stored.has_erased
        partition.store.keep_in(entities)
        self.opened[partition] = OpenDatabase(database, entities, time.monotonic() - began)
        return state.begin if reason or stored is None else stored.state_offset

    def _existing(
        self, path: Path, circumstances: Circumstances
    ) -> tuple[Database | None, StoredCheckpoint | None, str]:
        """Return an existing database, its position, and why it cannot be used, which is empty if it can."""
        if not path.exists():
            return None, None, "there is no database"
        database = None
        try:
            database = Database(path, self._options)
            stored = stored_checkpoint.decode(database.get(stored_checkpoint.KEY))
        except DiskFailed as error:
            return database, None, str(error)
        reason = stored_checkpoint.obstacle(stored, circumstances)
        return database, stored, f"of the database: {reason}" if reason else ""

    def commit(self, partition: PartitionTask, marker: bytes, state_offset: int) -> None:
        """Write what a flush has committed. `marker` is its checkpoint, packed. See `StoredCheckpoint`.

        If the disk cannot take more at the moment, the rows are kept for the next call, and `is_full` is true.

        Raises DiskFailed after `REFUSED_TIMEOUT`.
        """
        opened, now = self.opened[partition], monotonic_ms()
        stored = StoredCheckpoint(
            stored_checkpoint.LAYOUT,
            marker,
            state_offset,
            self._facts[partition.domain.name].lineage,
            rules_of(partition.config),
            opened.has_erased,
        )
        try:
            self._check_free(opened.database.folder)
            opened.entities.commit([(stored_checkpoint.KEY, stored_checkpoint.encode(stored))])
        except WriteRefused as error:
            self._refused(opened, error, now)
            return
        opened.refused_since = None
        opened.rewrite(now)
        self._remove_stale(now)

    def _check_free(self, folder: Path) -> None:
        try:
            free = os.statvfs(folder)
        except OSError as error:
            raise failed(folder, str(error)) from error
        if (left := free.f_bavail * free.f_frsize) < MIN_FREE:
            raise WriteRefused(f"{left >> 20} MiB are free, {MIN_FREE >> 20} are needed")

    def _refused(self, opened: OpenDatabase, error: WriteRefused, now: int) -> None:
        opened.refusals += 1
        if opened.refused_since is None:
            opened.refused_since = now
            log.warning("%s cannot be written at the moment: %s. Waiting", opened.database.folder, error)
        elif now - opened.refused_since > REFUSED_TIMEOUT:
            raise failed(opened.database.folder, f"no write for {REFUSED_TIMEOUT // 1000} s: {error}")

    def _remove_stale(self, now: int) -> None:
        if now - self._cleaned_at < STALE_INTERVAL:
            return
        self._cleaned_at = now
        in_use = {opened.database.folder for opened in self.opened.values()}
        try:
            # Younger databases may still be used, and older ones are not.
            longest = max(facts.max_age for facts in self._facts.values()) / 1000
            for folder in self.folder.remove_stale(in_use, time.time() - longest):
                log.info("%s: removed, because it was not used for a long time", folder)
        except OSError as error:
            log.warning("Folders that are not in use could not be removed: %s", error)

    def is_full(self, partition: PartitionTask) -> bool:
        """Return whether the disk refused the last write of a partition, which must not be read meanwhile."""
        opened = self.opened.get(partition)
        return opened is not None and opened.refused_since is not None

    def remarks(self) -> list[str]:
        """Return a line for each partition that waits for the disk."""
        return [
            f"{opened.database.folder} cannot be written at the moment. Counting of the partition waits"
            for opened in list(self.opened.values())
            if opened.refused_since is not None
        ]

    def close(self, partition: PartitionTask) -> None:
        """Close the database of a partition, if it is open."""
        if (opened := self.opened.pop(partition, None)) is not None:
            opened.database.close()

    def stop(self) -> None:
        """Close all databases and give up the folder."""
        for partition in list(self.opened):
            self.close(partition)
        self.folder.release()
