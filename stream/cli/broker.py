"""`cxgauge broker`: Apache Kafka on a developer's machine."""

from pathlib import Path

import click

from stream.devbroker.kafka import VERSION, Broker
from stream.devbroker.process import until_stopped


@click.command()
@click.option(
    "--port",
    default=9092,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen on, of 127.0.0.1.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps topics and the log; without it nothing outlives the broker.",
)
def broker(port: int, data: Path | None) -> None:
    """Run a development broker: Apache Kafka, one node, 127.0.0.1 only, until SIGTERM or Ctrl-C."""
    with until_stopped(), Broker(port, data) as running:
        click.echo(f"Apache Kafka {VERSION} is ready on {running.bootstrap}, pid {running.pid}")
        while not running.child.ended(within=3600):
            pass
        raise running.child.failure()
