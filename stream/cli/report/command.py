"""The command `cxgauge report`."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import click

from stream.cli.configuration import Configuration
from stream.cli.options import access_options
from stream.cli.output import echo
from stream.cli.report import sending
from stream.cli.report.facts import FiringAlerts, facts
from stream.cli.report.html import html
from stream.cli.report.markdown import markdown
from stream.cli.report.pages import message, page
from stream.cli.report.source import WantedReport, read
from stream.cli.top.command import exporter_client
from stream.config import setting_types
from stream.config.setting_types import SettingSource
from stream.core.model.periods import PERIODS
from stream.core.model.time_zones import ALLOWED
from stream.core.model.time_zones import time_zone as zone_by_name
from stream.errors import CxgaugeError
from stream.exporter.live.alertmanager import AlertmanagerClient

_OPTIONS = (
    click.option("--window", help="Window of the figures, such as 7d. Default: 7d."),
    click.option(
        "--period", type=click.Choice(PERIODS), help="A period of the calendar instead of a window."
    ),
    click.option(
        "--time-zone",
        default="UTC",
        show_default=True,
        help="Time zone of the period and of all times in the report.",
    ),
    click.option(
        "--view",
        "views",
        multiple=True,
        help="View by which changes are explained. May be repeated. Default: all.",
    ),
    click.option(
        "--comments",
        type=click.IntRange(0, 100),
        default=5,
        show_default=True,
        help="Number of comments, if they are kept. They are personal data, also in a report.",
    ),
    click.option(
        "--folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the report as HTML and Markdown. Default: the current one, none with --send.",
    ),
    click.option(
        "--send",
        "addresses",
        multiple=True,
        envvar="CX_REPORT_SEND",
        metavar="ADDRESS",
        help="Send it to an address of apprise, such as mailtos:// or slack://. May be repeated.",
    ),
    click.option(
        "--alertmanager", help="Address of Alertmanager. Default: the setting exporter.alertmanager."
    ),
    click.option("--url", help="Address of the exporter. Default: the exporter.listen of the configuration."),
)


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), access_options(command))


@click.command()
@_with_options
@click.pass_obj
def report(
    configuration: Configuration,
    window: str | None,
    period: str | None,
    time_zone: str,
    views: tuple[str, ...],
    comments: int,
    folder: Path | None,
    addresses: tuple[str, ...],
    alertmanager: str | None,
    url: str | None,
    user: str | None,
    password: str | None,
    ca: Path | None,
) -> None:
    """Write a report of an exporter's figures: how it goes, what moved it, what to do.

    Mail gets the whole page, chats get a short form. Addresses of --send contain secrets: give them in CX_REPORT_SEND,
    separated by spaces. The password of --user is read from CX_TOP_PASSWORD, or asked for if that is not set.
    """
    if window and period:
        raise click.UsageError("--window and --period exclude each other")
    settings = configuration.load()
    if (zone := zone_by_name(time_zone)) is None:
        raise CxgaugeError(f"--time-zone: got {time_zone!r}, allowed is {ALLOWED}")
    _check_address(alertmanager)
    sending.check([*addresses])
    client = exporter_client(settings, url, user, password, ca)
    wanted = WantedReport(None if period else window or "7d", period, zone, views, comments)
    readings = read(client, wanted, datetime.now(UTC))
    known = facts(readings, _alerts(alertmanager or settings.exporter.alertmanager), period)
    whole = page(known)
    if folder is not None or not addresses:
        name = f"report-{period or readings.window}-{readings.interval.end:%Y-%m-%d}"
        for suffix, text in ((".html", html(whole)), (".md", markdown(whole))):
            echo(str(_written((folder or Path()) / f"{name}{suffix}", text)))
    if addresses:
        sending.send([*addresses], whole, message(known))


def _check_address(alertmanager: str | None) -> None:
    """Raise CxgaugeError if the option is no address that the setting may have."""
    errors: list[str] = []
    if alertmanager is not None:
        setting_types.url.read(alertmanager, SettingSource("--alertmanager", "command line", Path(), errors))
    if errors:
        raise CxgaugeError("\n".join(errors))


def _alerts(url: str | None) -> FiringAlerts:
    """Return the alerts that fire now."""
    client = AlertmanagerClient(url)
    asyncio.run(client.poll())
    shown = client.shown
    return FiringAlerts(url is not None, shown["error"], shown["alerts"])


def _written(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CxgaugeError(f"--folder: {path} cannot be written: {error.strerror}") from error
    return path
