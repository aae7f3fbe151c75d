"""Rebuilding the panes of a partition from its entities, because config or version changed, in slices of bounded memory."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.task import PartitionTask
from stream.core.model.pane_blocks import Row


class RebuiltSlice(NamedTuple):
    """What a slice of a rebuild changed. Forwards are sent first, `state` belongs to the transaction of the next flush."""

    forwards: list[OutgoingRecord]
    state: list[Row]


def rebuild(task: PartitionTask) -> Iterator[RebuiltSlice]:
    """Rebuild the panes, which are sums of contributions only, and bring the entities up to date with the config.

    Called between the restore and its end. Yields at least one slice. The panes are complete after the last one. If not all
    slices and the next flush are written, none may be: entities do not tell the config that they are of.
    """
    checkpoint = task.checkpoint
    task.panes.clear()
    task.panes.expired_before = checkpoint.expired_before
    checkpoint.complete_since = max(checkpoint.complete_since, checkpoint.derivable_since)
    steps = (
        task.erasures.migrate_residuals(checkpoint.projected_dimensions),
        _recount(task),
        task.domain.rewrite_derived(task.store, checkpoint.next_offset - 1, task.newest_timestamp),
    )
    for _ in chain.from_iterable(steps):
        yield _changes(task)
    yield _changes(task)


def _recount(task: PartitionTask) -> Iterator[None]:
    """Bring all entities up to date and add their contributions to the panes. Yields after each slice."""
    for part in task.store.entities.slices(b""):
        migrated = [(key, _migrated(task, key, raw)) for key, raw in part]
        task.panes.apply_deltas(task.expected_deltas(migrated))
        yield


def _migrated(task: PartitionTask, key: bytes, raw: bytes) -> bytes:
    migrated = task.kinds.of(key).migrate(key, raw, task.store, task.checkpoint.dimensions)
    if migrated != raw:
        task.store.put(key, migrated, None)
    return migrated


def _changes(task: PartitionTask) -> RebuiltSlice:
    return RebuiltSlice(task.derived_records(), task.store.changed_rows())
