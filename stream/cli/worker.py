"""`cxgauge worker`: run a worker."""

import sys

import click

from stream.cli.configuration import Configuration
from stream.worker.service import run


@click.command()
@click.pass_obj
def worker(configuration: Configuration) -> None:
    """Read the inputs, count events and write state and panes until SIGTERM."""
    sys.exit(run(configuration.load()))
