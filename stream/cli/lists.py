"""Options, sources and formats of the commands that list tickets and customers."""

import csv
import io
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import click
import msgspec

from schemas.topics import DomainName
from stream.cli.aio import run
from stream.cli.options import access_options
from stream.cli.output import echo
from stream.cli.top.command import exporter_client
from stream.cli.top.figures import format_duration
from stream.clock import wall_ms
from stream.config import Settings, config_hash
from stream.core.model.time_buckets import Window, default_label
from stream.errors import CxgaugeError
from stream.exporter.api.formats import no_formula
from stream.exporter.live.answers import MAX_ROWS
from stream.exporter.live.list_documents import Document, ListContext, columns, rows_of
from stream.operations.inspection.positions import positions, problems
from stream.operations.listing.index import ListIndex
from stream.operations.listing.reading import read_index
from stream.text import printable

_OPTIONS = (
    click.option(
        "--window", help="Window of moments, such as 7d. Default: 24h, or the first one of the configuration."
    ),
    click.option("--limit", type=click.IntRange(1), help="List at most this many. Default: all."),
    click.option(
        "--format",
        "format_",
        type=click.Choice(("text", "json", "csv")),
        default="text",
        show_default=True,
        help="Format of the list.",
    ),
    click.option(
        "--url",
        help="Ask the exporter at this address, which has the list in memory, instead of reading the state. Lists at most "
        f"{MAX_ROWS:,}.",
    ),
)


class ListOptions(NamedTuple):
    """Values of the options that all lists have."""

    window: str | None
    limit: int | None
    format_: str
    url: str | None
    user: str | None
    password: str | None
    ca: Path | None


class StoredLists(NamedTuple):
    """The lists of a domain, with their context."""

    lists: ListIndex
    context: ListContext


def list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `ListOptions` to a command."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), access_options(command))


def window_of(settings: Settings, label: str | None) -> Window:
    """Return a window of the configuration. Raises CxgaugeError for another label."""
    windows = {window.label: window for window in settings.metrics.windows}
    label = label or default_label(settings.metrics.windows)
    if label not in windows:
        raise CxgaugeError(f"--window: got {label!r}, allowed are {', '.join(windows)}")
    return windows[label]


def ask(settings: Settings, options: ListOptions, path: str, **query: str | None) -> Document:
    """Return a list of the exporter at `--url`. Raises CxgaugeError if it gives none."""
    client = exporter_client(settings, options.url, options.user, options.password, options.ca)
    most = MAX_ROWS if options.limit is None else min(options.limit, MAX_ROWS)
    given = {name: value for name, value in (query | {"window": options.window}).items() if value is not None}
    answer = client.fetch(f"{path}?{urlencode(given | {'limit': most})}")
    try:
        return msgspec.json.decode(answer, type=Document)
    except msgspec.DecodeError as error:
        raise CxgaugeError(f"{client.url} answers without a list, is it an exporter? {error}") from error


def read(settings: Settings, domain: DomainName, window: Window | None) -> StoredLists:
    """Read the state of a domain, and say how complete it is."""
    return run(settings.kafka, _read(settings, domain, window))


async def _read(settings: Settings, domain: DomainName, window: Window | None) -> StoredLists:
    index = await read_index(settings, domain)
    of_domain = (await positions(settings))[domain]
    now = wall_ms()
    incomplete = "; ".join(problems(of_domain, config_hash(settings), now))
    if settings.exporter.clock == "event":
        checkpoints = (position.checkpoint for position in of_domain)
        now = max((checkpoint.max_event_time for checkpoint in checkpoints if checkpoint), default=0)
    label = window.label if window else None
    return StoredLists(index, ListContext(now, label, incomplete, settings.exporter.ticket_url))


def show(document: Document, format_: str) -> None:
    """Print a list. The reason why it may lack changes goes to standard error."""
    if document["incomplete"]:
        echo(f"The list may lack changes: {document['incomplete']}", err=True)
    if format_ == "json":
        echo(msgspec.json.format(msgspec.json.encode(document)).decode())
    elif format_ == "csv":
        echo(_as_csv(document), nl=False)
    else:
        for line in _as_text(document):
            echo(line)


def _as_csv(document: Document) -> str:
    text = io.StringIO()
    names = columns(document)
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows_of(document):
        writer.writerow({name: no_formula(v) if isinstance(v, str) else v for name, v in row.items()})
    return text.getvalue()


def _as_text(document: Document) -> list[str]:
    """Return the number of rows, and a line for each, in columns."""
    rows, window = rows_of(document), document["window"]
    shown = f", {len(rows):,} shown" if len(rows) < document["total"] else ""
    head = f"{document['list']}: {document['total']:,}{f' in {window}' if window else ''}{shown}"
    if not rows:
        return [head]
    names = [name for name in columns(document) if name != "since" and (name != "url" or rows[0]["url"])]
    table = [["age" if name == "age_seconds" else name for name in names]]
    table += [[_cell(name, row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]
    return [head, "", *lines]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "age_seconds":
        return format_duration(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value)
