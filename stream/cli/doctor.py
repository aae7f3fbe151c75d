"""`cxgauge doctor`: what is wrong with a running installation, and how large one has to be."""

import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version

import click

from stream.cli.aio import run
from stream.cli.audit import audit
from stream.cli.configuration import Configuration
from stream.clock import wall_ms
from stream.config import Settings, config_hash
from stream.config.aggregation import aggregation_config
from stream.kafka import topics as topology
from stream.kafka.admin import admin, describe
from stream.operations.inspection import size as sizing
from stream.operations.inspection.positions import blocked, positions, problems, summary

LIBRARIES = ("cxgauge", "faust-streaming", "aiokafka", "cramjam", "msgspec")


@click.group(invoke_without_command=True)
@click.option(
    "--size",
    type=click.FloatRange(0, min_open=True),
    metavar="RATE",
    help="Estimate memory and disk for RATE events per second, and exit.",
)
@click.pass_context
def doctor(ctx: click.Context, size: float | None) -> None:
    """Look at broker, topics and the position of every partition; exit 1 when something is wrong.

    Clocks: workers are compared with this machine. Kafka does not tell its brokers' clocks to clients.
    """
    if ctx.invoked_subcommand is not None:
        return
    configuration: Configuration = ctx.obj
    settings = configuration.load()
    if size is not None:
        click.echo(sizing.report(size, aggregation_config(settings)))
        return
    click.echo(
        f"versions: Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in LIBRARIES)
    )
    sys.exit(1 if run(settings.kafka, _inspect(settings)) else 0)


doctor.add_command(audit)


async def _inspect(settings: Settings) -> bool:
    """Print everything that is found; whether something is wrong."""
    async with admin(settings) as client:
        cluster = await client.describe_cluster()
    click.echo(
        f"broker: {settings.kafka.bootstrap_servers} answers, {len(cluster['brokers'])} in the cluster"
    )
    wanted = topology.topics(settings)
    have = await describe(settings, wanted)
    wrong = _report("topics", topology.differences(wanted, have), f"all {len(wanted)} are as configured")
    if topology.refusals(wanted, have):
        return True
    now = wall_ms()
    identity = config_hash(settings)
    for domain, domain_positions in (await positions(settings)).items():
        click.echo(f"{domain}: {summary(domain_positions)}")
        lines = [
            *blocked(settings.topics.input(domain), domain_positions),
            *problems(domain_positions, identity, now),
        ]
        wrong |= _report(domain, lines, "every partition is counted")
    return wrong


def _report(what: str, wrong: Iterable[str], good: str) -> bool:
    lines = list(wrong)
    for line in lines or [good]:
        click.echo(f"{what}: {'WRONG ' if lines else ''}{line}")
    return bool(lines)
