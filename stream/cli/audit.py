"""`cxgauge doctor audit`: panes are the sum of what entities contribute and of what erasures left."""

import sys

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.config import Settings
from stream.core.aggregation.audit import pane_differences
from stream.operations.inspection.snapshot import snapshots


@click.command()
@click.pass_obj
def audit(configuration: Configuration) -> None:
    """Prove that the panes hold what was contributed, no more and no less; exit 1 and a list when not."""
    settings = configuration.load()
    differences, seen, entities, blocks = run(settings.kafka, _audit(settings))
    for line in differences:
        click.echo(line)
    click.echo(f"{seen} partitions, {entities} entities, {blocks} blocks of panes: {len(differences)} faults")
    sys.exit(1 if differences else 0)


async def _audit(settings: Settings) -> tuple[list[str], int, int, int]:
    differences: list[str] = []
    seen = entities = blocks = 0
    async for partition, obstacle in snapshots(settings):
        if obstacle:
            differences.append(f"{partition.domain.name} {partition.number}: not audited, {obstacle}")
            continue
        differences += pane_differences(partition)
        seen += 1
        entities += len(partition.store.entities)
        blocks += len(partition.panes)
    return differences, seen, entities, blocks
