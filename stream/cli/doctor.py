"""`cxgauge doctor`: check a running installation, or estimate the size of one."""

import math
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version

import click

from stream.cli.aio import run
from stream.cli.audit import audit
from stream.cli.configuration import Configuration, web_configs
from stream.cli.output import echo
from stream.clock import wall_ms
from stream.config import Settings, config_hash
from stream.http.web_config import read
from stream.kafka import topics as topology
from stream.kafka.admin import admin, describe
from stream.kafka.client import certificate_files
from stream.kafka.rights import READ, needs_of
from stream.operations.inspection import size as sizing
from stream.operations.inspection import state_folder
from stream.operations.inspection.positions import blocked, positions, problems, summary
from stream.resources.series import Resources

LIBRARIES = ("cxgauge", "faust-streaming", "aiokafka", "cramjam", "msgspec")


@click.group(invoke_without_command=True)
@click.option(
    "--size",
    type=click.FloatRange(0, min_open=True),
    metavar="RATE",
    help="Estimate memory, disk, workers and brokers for RATE events per second, and exit.",
)
@click.pass_context
def doctor(ctx: click.Context, size: float | None) -> None:
    """Check broker, topics and the position of every partition. Exit with 1 if anything is wrong.

    It also says which certificates of the configuration end within two weeks, and which disks of exporter.folders are almost full.

    Clocks of workers are compared with that of this machine. Kafka does not report the clocks of brokers.
    """
    if ctx.invoked_subcommand is not None:
        return
    configuration: Configuration = ctx.obj
    settings = configuration.load()
    if size is not None:
        if not math.isfinite(size):
            raise click.BadParameter(f"got {size}, allowed is a finite number above 0", param_hint="--size")
        echo(sizing.report(size, settings))
        return
    echo(
        f"versions: Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in LIBRARIES)
    )
    sys.exit(1 if run(settings.kafka, _inspect(settings)) else 0)


doctor.add_command(audit)


async def _inspect(settings: Settings) -> bool:
    """Print the results of all checks. Return whether anything is wrong."""
    async with admin(settings) as client:
        cluster = await client.describe_cluster()
    echo(f"broker: {settings.kafka.bootstrap_servers} answers, {len(cluster['brokers'])} in the cluster")
    wanted = topology.topics(settings)
    actual = await describe(settings, wanted, needs_of(wanted, {"compacted": READ}))
    faulty = _report(
        "topics", topology.differences(wanted, actual), f"all {len(wanted)} match the configuration"
    )
    if topology.refusals(wanted, actual):
        return True
    if settings.worker.state_dir is not None:
        line, is_wrong = state_folder.report(settings.worker.state_dir)
        echo(f"state_dir: {'WRONG ' if is_wrong else ''}{line}")
        faulty |= is_wrong
    now = wall_ms()
    faulty |= _report(
        "certificates and disks",
        _resources(settings).lasting_remarks(now / 1000),
        "none is about to end or full",
    )
    for domain, domain_positions in (await positions(settings)).items():
        echo(f"{domain}: {summary(domain_positions)}")
        lines = [
            *blocked(settings.topics.input(domain), domain_positions),
            *problems(domain_positions, config_hash(settings), now),
        ]
        faulty |= _report(domain, lines, "every partition is counted")
    return faulty


def _resources(settings: Settings) -> Resources:
    """Return the disks and certificates that services with these settings use.

    Raises ConfigError for a web_config that cannot be used.
    """
    files = list(certificate_files(settings.kafka))
    for section, path in web_configs(settings):
        files += read(path, section).certificates
    return Resources(dict.fromkeys(files), settings.exporter.folders)


def _report(subject: str, faults: Iterable[str], if_none: str) -> bool:
    lines = list(faults)
    for line in lines or [if_none]:
        echo(f"{subject}: {'WRONG ' if lines else ''}{line}")
    return bool(lines)
