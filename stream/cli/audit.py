"""`cxgauge doctor audit`: panes are the sum of what entities contribute and of what erasures left."""

import sys

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.operations.inspection.audit import audit_panes


@click.command()
@click.pass_obj
def audit(configuration: Configuration) -> None:
    """Prove that the panes hold what was contributed, no more and no less; exit 1 and a list when not."""
    settings = configuration.load()
    report = run(settings.kafka, audit_panes(settings))
    for line in report.faults:
        click.echo(line)
    click.echo(
        f"{report.partitions} partitions, {report.entities} entities, {report.blocks} blocks of panes: "
        f"{len(report.faults)} faults"
    )
    sys.exit(1 if report.faults else 0)
