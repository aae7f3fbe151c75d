"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stream.importing.records import FORMATS
from stream.importing.sending import Timestamps

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

mapping_option: Decorator = click.option(
    "--mapping",
    "mapping_name",
    metavar="FILE",
    required=True,
    help="Mapping file (TOML) from records to events, or the name of one of `cxgauge mapping list`.",
)
format_option: Decorator = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Format of the records. Default: by the suffix of their file (.xes, .jsonl, .ndjson, .json), else CSV.",
)


def timestamps_option(default: Timestamps) -> Decorator:
    """Return the option for the timestamps of sent records."""
    return click.option(
        "--timestamps",
        type=click.Choice(["event", "now"]),
        default=default,
        show_default=True,
        help="Timestamps of the records: the event's time (event), or the present (now).",
    )


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for access to an exporter with users or TLS: `user`, `password` and `ca`."""
    options: tuple[Decorator, ...] = (
        click.option(
            "--ca",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="PEM file of the certificate authority that signed the exporter's certificate.",
        ),
        click.option("--password", envvar="CX_TOP_PASSWORD", hidden=True),
        click.option("--user", help="User of the exporter's web_config. The password is asked for."),
    )
    for option in options:
        command = option(command)
    return command
