"""`cxgauge exporter`."""

import sys

import click

from stream.cli.configuration import Configuration
from stream.exporter.service import run


@click.command()
@click.pass_obj
def exporter(configuration: Configuration) -> None:
    """Show the figures until SIGTERM: read the panes, serve /metrics and a live page."""
    sys.exit(run(configuration.load()))
