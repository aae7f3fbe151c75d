"""The command `cxgauge top`."""

import base64
import json
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
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
from stream.cli.options import access_options
from stream.cli.top.figures import MetricsSnapshot
from stream.config import Settings
from stream.core.model.time_buckets import default_label
from stream.devbroker.process import until_stopped
from stream.errors import CxgaugeError
from stream.exporter.api.paths import INCIDENTS
from stream.exporter.coverage import SILENT_AFTER
from stream.http.web_config import read
from stream.text import printable

REFRESH_SECONDS = 1.0
"""Seconds between two scrapes."""
TIMEOUT = 8.0
"""Seconds that the exporter may take to answer. With REFRESH_SECONDS, a connection that stopped is reported within 10 s."""


EFFECTS = "mix, rate: by how much a label set moved the total, because its share or its value changed"
MAX_REASON = 4_096
"""Bytes of a refusal that are read."""
MAX_WIDTH = 10_000
"""Characters of a line where there is no terminal."""


class ExporterClient(NamedTuple):
    """The address of an exporter.

    `authorization` is a header value, None without a user. `trust` is None for http.
    """

    url: str
    authorization: str | None = None
    trust: ssl.SSLContext | None = None

    def fetch(self, path: str = "/metrics") -> str:
        """Return the text of `/metrics` or another path. Raises CxgaugeError if the exporter cannot be read."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)  # noqa: S310 - http or https
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self.trust) as response:  # noqa: S310
                return str(response.read().decode())
        except (OSError, HTTPException, UnicodeDecodeError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(error, HTTPError):
                with error:
                    reason = _stated_reason(error) or reason
                if error.code == HTTPStatus.UNAUTHORIZED:
                    reason = f"{reason}: it needs --user, and its password"
            raise CxgaugeError(f"exporter {self.url} cannot be read: {reason}") from error


def _stated_reason(error: HTTPError) -> str:
    """Return the reason that the API gives for a refused parameter or list. Empty if there is none."""
    try:
        return str(json.loads(error.read(MAX_REASON))["error"])
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return ""


def exporter_client(
    settings: Settings, url: str | None, user: str | None, password: str | None, ca: Path | None
) -> ExporterClient:
    """Return the client of an exporter, None for that of the configuration. Ask for the password if it is None."""
    address = (url or default_url(settings)).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise CxgaugeError(f"--url: got {url!r}, allowed is an address that begins with http:// or https://")
    return ExporterClient(address, user and authorization(user, password), _ssl_context(ca))


@click.command()
@click.option("--url", help="Address of the exporter. Default: the exporter.listen of the configuration.")
@click.option(
    "--window", help="Window of the metrics, such as 7d. Default: 24h, or the first one of the configuration."
)
@click.option("--view", default="total", show_default=True, help="View whose label sets are shown.")
@click.option("--once", is_flag=True, help="Print the metrics once and exit.")
@access_options
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
    """Show the metrics of an exporter, with bounds and sample sizes, until Ctrl-C.

    The password of --user is read from CX_TOP_PASSWORD, or asked for if that is not set.
    """
    settings = configuration.load()
    labels = [configured.label for configured in settings.metrics.windows]
    window = window or default_label(settings.metrics.windows)
    if url is None and (window not in labels or view not in settings.metrics.views):
        allowed = f"windows {', '.join(labels)}; views {', '.join(settings.metrics.views)}"
        raise CxgaugeError(f"got window {window!r} and view {view!r}, allowed are {allowed}")
    exporter = exporter_client(settings, url, user, password, ca)
    snapshot = snapshot_of(exporter, view, window)
    if snapshot.windows and window not in snapshot.windows:
        allowed = ", ".join(sorted(snapshot.windows))
        raise CxgaugeError(f"--window: got {window!r}, the exporter has {allowed}")
    if once:
        # A line for each value: where there is no terminal, rich would wrap at 80 characters.
        width = None if sys.stdout.isatty() else MAX_WIDTH
        Console(highlight=False, width=width).print(read_screen(exporter, snapshot, view, window))
        return
    with until_stopped(), Live(read_screen(exporter, snapshot, view, window), screen=True) as live:
        watch(exporter, live, view, window)


def snapshot_of(exporter: ExporterClient, view: str, window: str) -> MetricsSnapshot:
    """Return the metrics that an exporter serves. Raises CxgaugeError if it serves none of an exporter."""
    snapshot = MetricsSnapshot(exporter.fetch(), view, window)
    if not snapshot.is_of_exporter:
        raise CxgaugeError(
            f"{exporter.url}/metrics has no metrics of cxgauge. Is it an exporter? One that starts has them after a second"
        )
    return snapshot


def watch(exporter: ExporterClient, live: Live, view: str, window: str) -> None:
    """Update the screen every second.

    If the exporter cannot be read, show the error above the last screen.
    """
    last_screen, pause = live.renderable, Event()
    while not pause.wait(REFRESH_SECONDS):
        try:
            last_screen = read_screen(exporter, snapshot_of(exporter, view, window), view, window)
            live.update(last_screen)
        except CxgaugeError as error:
            live.update(
                Group(
                    Text(printable(f"{error}; trying again. The metrics are stale."), style="bold red"),
                    last_screen,
                )
            )


def read_screen(exporter: ExporterClient, snapshot: MetricsSnapshot, view: str, window: str) -> Group:
    """Return the screen of a snapshot with the present incidents. Raises CxgaugeError if the exporter cannot be read."""
    return screen(snapshot, incident_texts(exporter), exporter.url, view, window)


def incident_texts(exporter: ExporterClient) -> list[str]:
    """Return the text of each incident. Raises CxgaugeError if the exporter cannot be read."""
    try:
        document = json.loads(exporter.fetch(INCIDENTS))
        return [str(incident["text"]) for incident in document["incidents"]]
    except (ValueError, LookupError, TypeError) as error:
        raise CxgaugeError(f"{INCIDENTS}: expected a document with incidents, but {error}") from error


def default_url(settings: Settings) -> str:
    """Return the address of the configured exporter, seen from its own machine."""
    host, port = settings.exporter.listen
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    web_config = settings.exporter.web_config
    scheme = "https" if web_config and read(web_config).tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def authorization(user: str, password: str | None) -> str:
    """Return the Authorization header of a user. Ask for the password if it is None.

    Raises CxgaugeError if there is no terminal to ask on.
    """
    if password is None and not sys.stdin.isatty():
        raise CxgaugeError(
            "--user: CX_TOP_PASSWORD is missing, and there is no terminal to ask for the password"
        )
    secret = password if password is not None else click.prompt("Password", hide_input=True, err=True)
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def screen(snapshot: MetricsSnapshot, incidents: Iterable[str], url: str, view: str, window: str) -> Group:
    """Return the screen: the coverage and what is unusual about it, incidents, then a line for each value.

    `incidents` are their texts, `url` is the address of the exporter.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    if view != "total":
        table.add_column(view)
    for name in ("value", "95 % bounds", "n"):
        table.add_column(name, justify="right")
    table.add_column(f"since the {window} before")
    if view != "total":
        for name in ("mix", "rate"):
            table.add_column(name, justify="right")
    previous_title, rows = "", list(snapshot.rows())
    references = [name for name in ("target", "benchmark") if any(getattr(row, name) for row in rows)]
    for name in references:
        table.add_column(name)
    for row in rows:
        labels = [] if view == "total" else [row.labels]
        n = "" if row.sample_size is None else f"{row.sample_size:,.0f}"
        figure = Text(row.figure, style="bold")
        table.add_row(
            Text(row.title if row.title != previous_title else ""),
            *(Text(printable(label)) for label in labels),
            figure,
            row.bounds,
            n,
            row.change,
            *([] if view == "total" else [row.mix, row.rate]),
            *(Text(printable(getattr(row, name))) for name in references),
        )
        previous_title = row.title or previous_title
    if_empty = (
        ""
        if previous_title
        else "No metrics: the exporter does not know this view, or it does not cover all partitions yet."
    )
    return Group(
        state(snapshot),
        *(Text(printable(text), style="bold red") for text in incidents),
        Text(printable(f"{url}   window {window}, view {view}   {time.strftime('%H:%M:%S')}")),
        Text(if_empty or first_steps(snapshot)),
        table,
        Text("" if view == "total" else EFFECTS, style="dim"),
    )


def state(snapshot: MetricsSnapshot) -> Text:
    """Return a line with the number of covered partitions, the age of the newest event and the time without a checkpoint."""
    expected, covered = _coverage(snapshot)
    lag = snapshot.pipeline("cx_event_lag_seconds")
    coverage = f"{covered:.0f} of {expected:.0f} partitions covered"
    newest = f"; the newest event is {max(0, min(lag)):.0f} s old" if lag else ""
    age = max(snapshot.pipeline("cx_checkpoint_age_seconds"), default=0)
    silence = f". No news from a worker for {age:.0f} s" if age * 1000 >= SILENT_AFTER else ""
    if not expected or covered < expected:
        text = f"INCOMPLETE: {coverage}{silence}; metrics are stale or absent{newest}"
        return Text(text, style="bold yellow")
    word = "Complete" if lag else "No events yet"
    return Text(f"{word}: {coverage}{silence}{newest}", style="bold yellow" if silence else "green")


def first_steps(snapshot: MetricsSnapshot) -> str:
    """Return a hint for a pipeline that runs without an accepted event, otherwise an empty text."""
    expected, covered = _coverage(snapshot)
    if not expected or covered < expected or snapshot.pipeline("cx_event_lag_seconds"):
        return ""
    if sum(snapshot.pipeline("cx_events_total")):
        return "No event was accepted yet. `cxgauge deadletter ls` shows why."
    return "Publish events: `cxgauge publish FILE` sends JSON Lines. schemas/README.md describes events and clients."


def _coverage(snapshot: MetricsSnapshot) -> tuple[float, float]:
    """Return the numbers of expected and covered partitions, 0 if they are not served."""
    expected, covered = (sum(snapshot.pipeline(f"cx_partitions_{name}")) for name in ("expected", "covered"))
    return expected, covered


def _ssl_context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise CxgaugeError(
            f"--ca: expected a file of certificates in PEM, got {str(ca)!r}: {error}"
        ) from error
