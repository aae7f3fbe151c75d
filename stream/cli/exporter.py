"""`cxgauge exporter`: run an exporter."""

import sys

import click

from stream.cli.configuration import Configuration
from stream.exporter.service import run
from stream.operations.listing.reading import ListFollower


@click.command()
@click.pass_obj
def exporter(configuration: Configuration) -> None:
    """Read the panes and serve /metrics and the live page until SIGTERM."""
    sys.exit(run(configuration.load(), ListFollower))
