"""The command `cxgauge demo`."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from stream.cli.demo.check import label, wait_for
from stream.cli.demo.expected import Series, expected
from stream.cli.demo.feed import now_ms, publish
from stream.cli.demo.guide import addresses, invitation
from stream.cli.demo.servers import our_own, running
from stream.cli.demo.story import Story
from stream.cli.process import until_stopped

DEADLINE = 120.0
"""Seconds within which the exporter should show the figures of the story; `--check` fails when it does not."""


@click.command()
@click.option("--check", is_flag=True, help="Compare the figures with a direct count of the story, and exit.")
def demo(check: bool) -> None:
    """Run everything on this machine with made-up customers, until Ctrl-C. Nothing is left behind."""
    with (
        until_stopped(),
        TemporaryDirectory(prefix="cxgauge-demo-") as folder,
        running(Path(folder), click.echo) as servers,
    ):
        history = Story().history(now_ms())
        wanted = expected(history)
        asyncio.run(publish(servers.bootstrap, history))
        click.echo(f"{len(history)} events of the last 29 days are published")
        left = wait_for(wanted, servers, DEADLINE)
        if check or left:
            sys.exit(verdict(wanted, left))
        servers.add("visitors", our_own("stream.cli.demo.visitors", servers.bootstrap))
        Console(highlight=False).print(addresses(servers))
        click.echo(invitation(servers))
        servers.watch()


def verdict(wanted: Mapping[Series, float], left: Sequence[str]) -> int:
    """Say what the exporter shows, or what is wrong with it; the exit code."""
    if left:
        click.echo("\n".join(left))
        click.echo(f"{len(left)} of {len(wanted)} figures are wrong {DEADLINE:.0f} s after the last event")
        return 1
    click.echo("\n".join(f"{label(series)} {value:.10g}" for series, value in wanted.items()))
    click.echo(f"All {len(wanted)} figures are those of a direct count")
    return 0
