"""Proof that panes are what they should be: the sum of what entities contribute and of what erasures left."""

from collections.abc import Iterator

from stream.core.aggregation.pane_store import PaneStore
from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregates import AGGREGATES


def pane_differences(partition: PartitionTask) -> Iterator[str]:
    """A line for each block that is not the sum of what its entities contributed."""
    should = PaneStore(partition.config, AGGREGATES)
    should.expired_before = partition.panes.expired_before
    should.apply_deltas(partition.expected_deltas())
    wanted, have = should.blocks, partition.panes.blocks
    for key in wanted.keys() | have.keys():
        want, got = wanted.get(key, {}), have.get(key, {})
        if want != got:
            cell = key.cell
            wrong = sorted(c for c in want.keys() | got.keys() if want.get(c) != got.get(c))
            yield (
                f"{partition.domain.name} {partition.number}: {cell.aggregate} {cell.view}{list(cell.values)}"
                f"{list(cell.own_labels)} resolution {key.resolution} block {key.block}: {len(wrong)} of "
                f"{len(want.keys() | got.keys())} components differ, first {wrong[0]}: "
                f"held {got.get(wrong[0], 0)}, contributed {want.get(wrong[0], 0)}"
            )
