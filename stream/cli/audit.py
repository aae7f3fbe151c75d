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
    found, seen, entities, blocks = run(settings.kafka, _audit(settings))
    for line in found:
        click.echo(line)
    click.echo(f"{seen} partitions, {entities} entities, {blocks} blocks of panes: {len(found)} faults")
    sys.exit(1 if found else 0)


async def _audit(settings: Settings) -> tuple[list[str], int, int, int]:
    found: list[str] = []
    seen = entities = blocks = 0
    async for partition, obstacle in snapshots(settings):
        if obstacle:
            found.append(f"{partition.domain.name} {partition.number}: not audited, {obstacle}")
            continue
        found += pane_differences(partition)
        seen += 1
        entities += len(partition.store.entities)
        blocks += len(partition.panes)
    return found, seen, entities, blocks
