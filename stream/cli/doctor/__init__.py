"""`cxgauge doctor`: what is wrong with a running installation, and how large one has to be."""

import platform
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version

import click

from stream import topology
from stream.cli.aio import run
from stream.cli.audit import audit
from stream.cli.configuration import Configuration
from stream.cli.doctor import size as sizing
from stream.cli.doctor.positions import blocked, faults, positions, summary
from stream.config import Settings, figures_hash
from stream.topic_admin import admin, describe
from stream.wiring import rules

LIBRARIES = ("cxgauge", "faust-streaming", "aiokafka", "cramjam", "msgspec")


@click.group(invoke_without_command=True)
@click.option(
    "--size", type=click.FloatRange(0, min_open=True), metavar="RATE", help="What RATE events a second need."
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
        click.echo(sizing.report(size, rules(settings)))
        return
    click.echo(
        f"versions: Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in LIBRARIES)
    )
    sys.exit(1 if run(settings.kafka, _look(settings)) else 0)


doctor.add_command(audit)


async def _look(settings: Settings) -> bool:
    """Print everything that is found; whether something is wrong."""
    async with admin(settings) as client:
        cluster = await client.describe_cluster()
    click.echo(
        f"broker: {settings.kafka.bootstrap_servers} answers, {len(cluster['brokers'])} in the cluster"
    )
    wanted = topology.topics(settings)
    have = await describe(settings, wanted)
    wrong = _tell("topics", topology.differences(wanted, have), f"all {len(wanted)} are as configured")
    if topology.refusals(wanted, have):
        return True
    now = time.time_ns() // 1_000_000
    identity = figures_hash(settings)
    for domain, found in (await positions(settings)).items():
        click.echo(f"{domain}: {summary(found)}")
        lines = [*blocked(settings.topics.input(domain), found), *faults(found, identity, now)]
        wrong |= _tell(domain, lines, "every partition is counted")
    return wrong


def _tell(what: str, wrong: Iterable[str], good: str) -> bool:
    lines = list(wrong)
    for line in lines or [good]:
        click.echo(f"{what}: {'WRONG ' if lines else ''}{line}")
    return bool(lines)
