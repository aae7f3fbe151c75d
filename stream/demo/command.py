"""The command `cxgauge demo`."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from stream.demo import incident
from stream.demo.business import Business
from stream.demo.check import label, wait_for
from stream.demo.expected import Series, expected
from stream.demo.expected_business import expected_business
from stream.demo.feed import now_ms, publish
from stream.demo.guide import addresses, invitation
from stream.demo.servers import Servers, our_own, running
from stream.demo.story import Story
from stream.devbroker.http import get
from stream.devbroker.process import until_stopped

DEADLINE = 120.0
"""Seconds within which the exporter should show the figures of the story; `--check` fails when it does not."""


@click.command()
@click.option(
    "--check", is_flag=True, help="Compare figures with a direct count, wait for the alerts, and exit."
)
def demo(check: bool) -> None:
    """Run everything on this machine with made-up customers, until Ctrl-C. Nothing is left behind."""
    with (
        until_stopped(),
        TemporaryDirectory(prefix="cxgauge-demo-") as folder,
        running(Path(folder), click.echo) as servers,
    ):
        now, business = now_ms(), Business()
        answers, rest = Story().history(now), business.history(now)
        wanted = expected(answers) | expected_business(rest)
        history = sorted([*answers, *rest], key=lambda event: event.time)
        asyncio.run(publish(servers.bootstrap, history))
        click.echo(f"{len(history)} events of the last 29 days are published")
        left = wait_for(wanted, servers, DEADLINE)
        if check or left:
            code = verdict(wanted, left)
            sys.exit(code or check_alerts(servers, business))
        servers.add("visitors", our_own("stream.demo.visitors", servers.bootstrap))
        Console(highlight=False).print(addresses(servers))
        click.echo(invitation(servers))
        publish_incident(servers, business)
        servers.watch()


def publish_incident(servers: Servers, business: Business) -> None:
    """Publish the incident: late answers and, once Prometheus has noticed them, churns."""
    alerts = incident.ALERTS_COME if servers.alerting else incident.ALERTS_WOULD_COME
    click.echo(f"\n{incident.STORY} {alerts}\n")
    asyncio.run(publish(servers.bootstrap, incident.late_answers(business, now_ms()), stamped=False))
    if servers.alerting:
        first = incident.ALERTS[0]
        servers.wait(lambda: first in get(servers.ports.prometheus, "/api/v1/alerts").text, DEADLINE)
    asyncio.run(publish(servers.bootstrap, incident.churns(business, now_ms()), stamped=False))


def check_alerts(servers: Servers, business: Business) -> int:
    """Publish the incident and wait for its alerts, in total and in the channel. Return the exit code."""
    if not servers.alerting:
        click.echo("Only the figures were checked: the alerts need Prometheus")
        return 0
    publish_incident(servers, business)
    wanted = {(alert, channel) for alert in incident.ALERTS for channel in ("", incident.CHANNEL)}
    servers.wait(lambda: wanted <= servers.receiver.firing(), DEADLINE)
    missing = wanted - servers.receiver.firing()
    for alert, channel in sorted(missing):
        click.echo(f"{alert} of {channel or 'the total'} did not arrive within {DEADLINE:.0f} s")
    if not missing:
        sender = "Alertmanager" if "alertmanager" in servers.children else "Prometheus directly"
        click.echo(f"Both alerts arrived, in total and for the {incident.CHANNEL}, from {sender}")
    return 1 if missing else 0


def verdict(wanted: Mapping[Series, float], left: Sequence[str]) -> int:
    """Say what the exporter shows, or what is wrong with it; the exit code."""
    if left:
        click.echo("\n".join(left))
        click.echo(f"{len(left)} of {len(wanted)} figures are wrong {DEADLINE:.0f} s after the last event")
        return 1
    click.echo("\n".join(f"{label(series)} {value:.10g}" for series, value in wanted.items()))
    click.echo(f"All {len(wanted)} figures are those of a direct count")
    return 0
