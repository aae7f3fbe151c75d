"""Proof that the panes equal the sum of the contributions of all entities and residuals."""

from collections.abc import Collection, Iterable, Iterator

from stream.core.aggregation.pane_store import PaneStore
from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregates import AGGREGATES
from stream.core.model.pane_blocks import BlockKey
from stream.core.model.time_buckets import BY_CODE, ROLLING


def pane_differences(
    partition: PartitionTask, slices: Iterable[Iterable[tuple[bytes, bytes]]] | None = None
) -> Iterator[str]:
    """Yield a line for each block that differs from the sum of the contributions to it.

    `slices` are the entities of the partition, None for those of its store. Blocks that are older than the entities that contributed to them are left out.
    """
    rebuilt = PaneStore(partition.config, AGGREGATES)
    rebuilt.expired_before = partition.panes.expired_before
    for part in partition.store.entities.slices(b"") if slices is None else slices:
        rebuilt.apply_deltas(partition.expected_deltas(part))
    expected, actual = rebuilt.blocks, partition.panes.blocks
    for key in derivable_blocks(partition, expected.keys() | actual.keys()):
        expected_block, actual_block = expected.get(key, {}), actual.get(key, {})
        if expected_block != actual_block:
            cell = key.cell
            wrong = sorted(
                c
                for c in expected_block.keys() | actual_block.keys()
                if expected_block.get(c) != actual_block.get(c)
            )
            yield (
                f"{partition.domain.name} {partition.number}: {cell.aggregate} {cell.view}{list(cell.values)}"
                f"{list(cell.own_labels)} resolution {key.resolution} block {key.block}: {len(wrong)} of "
                f"{len(expected_block.keys() | actual_block.keys())} components differ, first {wrong[0]}: "
                f"held {actual_block.get(wrong[0], 0)}, contributed {expected_block.get(wrong[0], 0)}"
            )


def derivable_blocks(partition: PartitionTask, blocks: Collection[BlockKey]) -> Iterator[BlockKey]:
    """Yield the blocks whose contributions follow from entities that are still kept."""
    since = {
        name: partition.panes.expired_before - partition.config.derivable_retention(aggregate)
        for name, aggregate in AGGREGATES.items()
    }
    for key in blocks:
        resolution = BY_CODE[key.resolution]
        if (
            resolution not in ROLLING
            or key.block >= max(0, since.get(key.cell.aggregate, 0)) // resolution.span
        ):
            yield key
