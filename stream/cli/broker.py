"""`cxgauge broker`: run Apache Kafka on a developer's machine."""

from pathlib import Path

import click

from stream.cli.output import echo
from stream.devbroker.kafka import VERSION, Broker
from stream.devbroker.process import until_stopped


@click.command()
@click.option(
    "--port",
    default=9092,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen on. The address is 127.0.0.1.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for topics and the log. Default: a temporary folder that is removed at the end.",
)
def broker(port: int, data: Path | None) -> None:
    """Run Apache Kafka for development, one node on 127.0.0.1, until SIGTERM or Ctrl-C."""
    with until_stopped(), Broker(port, data) as running:
        echo(f"Apache Kafka {VERSION} is ready on {running.bootstrap}, pid {running.pid}")
        while not running.child.ended(within=3600):
            pass
        raise running.child.failure()
