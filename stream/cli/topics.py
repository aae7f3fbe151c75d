"""`cxgauge topics`: create the topics, or compare them with the configuration."""

import sys

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.config import Settings
from stream.kafka import topics as topology
from stream.kafka.admin import create, describe
from stream.kafka.topics import TopicSpec


@click.group()
def topics() -> None:
    """Create the topics of the configuration, or compare existing topics with it."""


@topics.command("create")
@click.pass_obj
def create_command(configuration: Configuration) -> None:
    """Create missing topics.

    Existing topics are never changed. If they differ, list the differences and exit with 1.
    """
    settings = configuration.load()
    _report(run(settings.kafka, _create(settings)))


@topics.command()
@click.pass_obj
def check(configuration: Configuration) -> None:
    """Compare the topics with the configuration. If they differ, list the differences and exit with 1."""
    settings = configuration.load()
    _report(run(settings.kafka, _differences(settings, topology.topics(settings))))


def _report(differences: list[str]) -> None:
    for line in differences:
        echo(line)
    if differences:
        sys.exit(1)
    echo("All topics match the configuration")


async def _create(settings: Settings) -> list[str]:
    wanted = topology.topics(settings)
    created = await create(settings, wanted)
    for name in created:
        echo(f"{name}: created")
    # without the new topics, which some brokers of a cluster do not know yet
    return await _differences(settings, [spec for spec in wanted if spec.name not in created])


async def _differences(settings: Settings, wanted: list[TopicSpec]) -> list[str]:
    return topology.differences(wanted, await describe(settings, wanted))
