"""Options that several commands have."""

from collections.abc import Callable
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
