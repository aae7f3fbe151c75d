"""The command `cxgauge top`."""

import base64
import ssl
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import NamedTuple
from urllib.error import HTTPError

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stream.cli.configuration import Configuration
from stream.cli.top.figures import MetricsSnapshot
from stream.config import Settings
from stream.devbroker.process import until_stopped
from stream.errors import CxgaugeError
from stream.exporter.http.web_config import read

REFRESH_SECONDS = 1.0
"""Seconds between two looks."""
TIMEOUT = 10.0
"""Seconds that the exporter may take to answer."""


class Source(NamedTuple):
    """Where the figures come from, and how to get there."""

    url: str
    authorization: str | None = None
    trust: ssl.SSLContext | None = None

    def fetch(self) -> str:
        """The text of `/metrics`. Raises CxgaugeError when it cannot be had."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        request = urllib.request.Request(f"{self.url}/metrics", headers=headers)  # noqa: S310 - http or https
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self.trust) as answer:  # noqa: S310
                return str(answer.read().decode())
        except (OSError, HTTPException, UnicodeDecodeError) as error:
            if isinstance(error, HTTPError):
                error.close()
            reason = getattr(error, "reason", None) or error
            raise CxgaugeError(f"exporter {self.url} cannot be read: {reason}") from error


@click.command()
@click.option("--url", help="The exporter; without it the one of this configuration.")
@click.option("--window", help="A window, such as 7d; without it 24h, or the first there is.")
@click.option("--view", default="total", show_default=True, help="A view, to see figures by its labels.")
@click.option("--once", is_flag=True, help="Print once and exit.")
@click.option("--user", help="A user of the exporter's web_config; the password is asked for.")
@click.option("--password", envvar="CX_TOP_PASSWORD", hidden=True)
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of the certificate authority that signed the exporter's certificate.",
)
@click.pass_obj
def top(
    configuration: Configuration,
    url: str | None,
    window: str | None,
    view: str,
    once: bool,
    user: str | None,
    password: str | None,
    ca: Path | None,
) -> None:
    """Show the figures of an exporter, with bounds and sample sizes, until Ctrl-C.

    The password of --user is asked for, or taken from CX_TOP_PASSWORD.
    """
    settings = configuration.load()
    labels = [each.label for each in settings.metrics.windows]
    window = window or ("24h" if "24h" in labels else labels[0])
    if url is None and (window not in labels or view not in settings.metrics.views):
        known = f"windows {', '.join(labels)}; views {', '.join(settings.metrics.views)}"
        raise CxgaugeError(f"got window {window!r} and view {view!r}, there are {known}")
    source = Source(
        (url or default_url(settings)).rstrip("/"),
        user and authorization(user, password),
        ssl.create_default_context(cafile=ca),
    )
    if not source.url.startswith(("http://", "https://")):
        raise CxgaugeError(f"--url: got {url!r}, allowed is an address that begins with http:// or https://")
    shown = MetricsSnapshot(source.fetch(), view, window)
    if shown.windows and window not in shown.windows:
        known = ", ".join(sorted(shown.windows))
        raise CxgaugeError(f"--window: got {window!r}, the exporter has {known}")
    if once:
        Console(highlight=False).print(screen(shown, source.url, view, window))
        return
    with until_stopped(), Live(screen(shown, source.url, view, window), screen=True) as live:
        watch(source, live, view, window)


def watch(source: Source, live: Live, view: str, window: str) -> None:
    """Look again and again; when the exporter cannot be read, say so over what was read last."""
    last, pause = live.renderable, Event()
    while not pause.wait(REFRESH_SECONDS):
        try:
            last = screen(MetricsSnapshot(source.fetch(), view, window), source.url, view, window)
            live.update(last)
        except CxgaugeError as error:
            live.update(Group(Text(f"{error}; trying again. The figures are old.", style="bold red"), last))


def default_url(settings: Settings) -> str:
    """Where the exporter of a configuration is, for its own machine."""
    host, port = settings.exporter.listen
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    web = settings.exporter.web_config
    scheme = "https" if web and read(web).tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def authorization(user: str, password: str | None) -> str:
    """The header for a user, whose password is asked for if need be."""
    secret = password if password is not None else click.prompt("Password", hide_input=True, err=True)
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def screen(page: MetricsSnapshot, url: str, view: str, window: str) -> Group:
    """What is shown: the state, then a line for each figure."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    if view != "total":
        table.add_column(view)
    for name in ("figure", "95 % bounds", "n"):
        table.add_column(name, justify="right")
    before, rows = "", list(page.rows())
    for row in rows:
        labels = [] if view == "total" else [row.labels]
        n = "" if row.sample_size is None else f"{row.sample_size:,.0f}"
        figure = Text(row.figure, style="bold")
        table.add_row(
            Text(row.title if row.title != before else ""), *map(Text, labels), figure, row.bounds, n
        )
        before = row.title or before
    nothing = "" if before else "No figures: the exporter does not know this view, or is not complete yet."
    return Group(
        state(page),
        Text(f"{url}   window {window}, view {view}   {time.strftime('%H:%M:%S')}"),
        Text(nothing),
        table,
    )


def state(page: MetricsSnapshot) -> Text:
    """Whether the figures can be believed."""
    expected, covered = (sum(page.pipeline(f"cx_partitions_{name}")) for name in ("expected", "covered"))
    lag = page.pipeline("cx_event_lag_seconds")
    coverage = f"{covered:.0f} of {expected:.0f} partitions covered"
    newest = f"; the newest event is {max(0, min(lag)):.0f} s old" if lag else ""
    if expected and covered == expected:
        return Text(f"Complete: {coverage}{newest}", style="green")
    return Text(f"INCOMPLETE: {coverage}; figures stand still or are absent{newest}", style="bold yellow")
