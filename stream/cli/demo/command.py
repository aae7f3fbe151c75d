"""The command `cxgauge demo`."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from stream.cli.demo.check import label, wait_for
from stream.cli.demo.expected import expected
from stream.cli.demo.feed import live, now_ms, publish
from stream.cli.demo.guide import addresses, invitation
from stream.cli.demo.servers import Servers, running
from stream.cli.demo.story import Story, Told
from stream.cli.process import until_stopped

DEADLINE = 120.0
"""Seconds within which `--check` wants the figures of the story."""


@click.command()
@click.option("--check", is_flag=True, help="Compare the figures with a direct count of the story, and exit.")
def demo(check: bool) -> None:
    """Run everything on this machine with made-up customers, until Ctrl-C. Nothing is left behind."""
    console = Console(highlight=False)
    with (
        until_stopped(),
        TemporaryDirectory(prefix="cxgauge-demo-") as folder,
        running(Path(folder), click.echo) as servers,
    ):
        story = Story()
        history = story.history(now_ms())
        asyncio.run(publish(servers.bootstrap, history))
        click.echo(f"{len(history)} events of the last 29 days are published")
        if check:
            sys.exit(verdict(history, servers, click.echo))
        console.print(addresses(servers))
        click.echo(invitation(servers))
        asyncio.run(live(servers.bootstrap, story, servers.check))


def verdict(history: list[Told], servers: Servers, say: Callable[[str], None]) -> int:
    """Say what the exporter shows, or what is wrong with it; the exit code."""
    wanted = expected(history)
    left = wait_for(wanted, servers, DEADLINE)
    if left:
        say("\n".join(left))
        say(f"{len(left)} of {len(wanted)} figures are wrong {DEADLINE:.0f} s after the last event")
        return 1
    say("\n".join(f"{label(series)} {value:.10g}" for series, value in wanted.items()))
    say(f"All {len(wanted)} figures are those of a direct count")
    return 0
