"""An audit of the panes against the contributions of entities and the residuals of erasures."""

from typing import NamedTuple

from stream.config import Settings
from stream.core.aggregation.audit import pane_differences
from stream.operations.inspection.snapshot import check_stored, snapshots


class AuditReport(NamedTuple):
    """A line for each difference, and the numbers of compared partitions, entities and blocks."""

    faults: list[str]
    partitions: int
    entities: int
    blocks: int


async def audit_panes(settings: Settings) -> AuditReport:
    """Compare the panes of every partition with its entities.

    Raises aiokafka's KafkaError and PreconditionFailed.
    """
    faults: list[str] = []
    partitions = entities = blocks = 0
    await check_stored(settings)
    async for partition, stored, obstacle in snapshots(settings):
        if obstacle:
            faults.append(f"{partition.domain.name} {partition.number}: not audited, {obstacle}")
            continue
        faults += pane_differences(partition, stored.slices())
        partitions += 1
        entities += stored.count
        blocks += len(partition.panes)
    return AuditReport(faults, partitions, entities, blocks)
