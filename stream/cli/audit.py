"""`cxgauge doctor audit`: compare panes with the contributions of entities and the residuals of erasures."""

import sys

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.operations.inspection.audit import audit_panes


@click.command()
@click.pass_obj
def audit(configuration: Configuration) -> None:
    """Check that the panes are exactly the sum of all contributions.

    If not, list the differences and exit with 1. Panes of one partition at a time are in memory. Entities are not: more than
    32 MB of them go to temporary files in TMPDIR, which need as much room as the largest partition of a state topic.
    """
    settings = configuration.load()
    report = run(settings.kafka, audit_panes(settings))
    for line in report.faults:
        echo(line)
    echo(
        f"{report.partitions} partitions, {report.entities} entities, {report.blocks} blocks of panes: "
        f"{len(report.faults)} faults"
    )
    sys.exit(1 if report.faults else 0)
