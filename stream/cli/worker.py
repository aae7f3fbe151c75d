"""`cxgauge worker`."""

import sys

import click

from stream.cli.configuration import Configuration
from stream.worker.service import run


@click.command()
@click.pass_obj
def worker(configuration: Configuration) -> None:
    """Count events until SIGTERM: read the inputs, write state and panes."""
    sys.exit(run(configuration.load()))
