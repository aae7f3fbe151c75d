"""`cxgauge demo`: run the whole product on one machine with simulated customers."""

import sys

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.demo.publishing import publish_until_stopped
from stream.demo.run import run_demo
from stream.devbroker.process import until_stopped


@click.command()
@click.option(
    "--check", is_flag=True, help="Compare metrics with a direct count, wait for the alerts, and exit."
)
@click.option(
    "--publish",
    is_flag=True,
    help="Start no servers: publish the simulated customers' events to the configured Kafka. The topics must be there.",
)
@click.pass_obj
def demo(configuration: Configuration, check: bool, publish: bool) -> None:
    """Run everything on this machine with simulated customers, until Ctrl-C.

    Data are kept in a temporary folder, which is removed at the end.
    """
    if check and publish:
        raise click.UsageError("--check and --publish exclude each other")
    if publish:
        settings = configuration.load()
        with until_stopped():
            run(settings.kafka, publish_until_stopped(settings, echo))
        return
    sys.exit(run_demo(echo, check=check))
