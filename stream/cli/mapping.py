"""`cxgauge mapping`: try, list and show mapping files."""

import sys
from pathlib import Path

import click

from schemas.codec import encode
from stream.cli.options import format_option
from stream.cli.output import echo
from stream.importing.records import Format, format_of
from stream.importing.translation import Translation
from stream.mapping import shipped
from stream.mapping.mapping import load


@click.group()
def mapping() -> None:
    """Try a mapping file on a sample, or list and show the mappings that ship with cxgauge."""


@mapping.command()
@click.argument("file")
@click.option(
    "--input",
    "sample",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Sample: a webhook's body (.json), or a file as of cxgauge replay.",
)
@format_option
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="A header of the webhook's request, for expressions with _headers. May be repeated.",
)
def test(file: str, sample: Path, format_: Format | None, headers: tuple[str, ...]) -> None:
    """Print the events that the mapping FILE makes from a sample, as JSON Lines, and every error with its position.

    Nothing is sent. FILE may also be the name of a shipped mapping. The exit code is 1 if there are errors, or no event.
    """
    pairs = (header.partition(":") for header in headers)
    given = {"_headers": {name.strip().lower(): value.strip() for name, _, value in pairs}}
    translation = Translation(
        sample, load(file), format_ or format_of(sample), lambda line: echo(line, err=True), given
    )
    count = 0
    for event in translation:
        count += 1
        echo(encode(event).decode())
    echo(", ".join(part for part in (f"{count:,} events", translation.summary()) if part), err=True)
    sys.exit(0 if count and not translation.faulty else 1)


@mapping.command("list")
def list_() -> None:
    """List the mappings that ship with cxgauge, by the names that commands accept in place of a file."""
    width = max(map(len, shipped.names()), default=0)
    for name in shipped.names():
        echo(f"{name:{width}}  {shipped.title(name)}")


@mapping.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the shipped mapping NAME, for example to change a copy of it."""
    echo(shipped.resolve(name).read_text(encoding="utf-8"), nl=False)
