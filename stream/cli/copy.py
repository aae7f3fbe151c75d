"""`cxgauge copy`: copy the inputs to another installation."""

from pathlib import Path

import click
from msgspec.structs import replace

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.config import Kafka, Settings, load
from stream.operations.copying import copy as copy_inputs


def _target(settings: Settings, to: str) -> Settings:
    """Return the settings of the target: those of a file, or the present ones with another broker."""
    if to.endswith(".toml"):
        return load(Path(to), {})
    servers = load(None, {"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": to}).kafka.bootstrap_servers
    return replace(settings, kafka=Kafka(bootstrap_servers=servers))


@click.command()
@click.option(
    "--to",
    required=True,
    metavar="HOST:PORT|FILE",
    help="Bootstrap servers of the target, or a configuration file (*.toml) with its connection and topics.",
)
@click.option("--append", is_flag=True, help="Copy to topics that already have records.")
@click.option(
    "--skip-unreadable",
    is_flag=True,
    help="Leave out batches that cannot be read. Without it the first one ends the copy.",
)
@click.pass_obj
def copy(configuration: Configuration, to: str, append: bool, skip_unreadable: bool) -> None:
    """Copy the three inputs to the topics of another installation, which counts them anew.

    Records keep their order and timestamps. The target's topics must exist, with as many partitions as here.
    """
    settings = configuration.load()
    target = _target(settings, to)
    copied = copy_inputs(settings, target, append=append, skip_unreadable=skip_unreadable)
    counts = run(settings.kafka, copied, target.kafka)
    derived, unreadable = counts.pop("derived", 0), counts.pop("unreadable", 0)
    parts = ", ".join(f"{n:,} of {domain}" for domain, n in counts.items())
    echo(
        f"Copied {sum(counts.values()):,} records to {target.kafka.bootstrap_servers}: {parts or 'there are none'}"
    )
    echo(f"Left out {derived:,} records that workers derived")
    if unreadable:
        echo(f"Left out {unreadable:,} records of batches that cannot be read: the log has their positions")
