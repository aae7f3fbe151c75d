"""`cxgauge demo`: run the whole product on one machine with simulated customers."""

import sys

import click

from stream.cli.output import echo
from stream.demo.run import run_demo


@click.command()
@click.option(
    "--check", is_flag=True, help="Compare metrics with a direct count, wait for the alerts, and exit."
)
def demo(check: bool) -> None:
    """Run everything on this machine with simulated customers, until Ctrl-C.

    Data are kept in a temporary folder, which is removed at the end.
    """
    sys.exit(run_demo(echo, check=check))
