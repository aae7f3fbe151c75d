"""`cxgauge deadletter`: list dead letters, replay them, purge a customer's."""

import sys
from typing import Any

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.deadletter_options import POSITION, filter_of, filter_options
from stream.errors import CxgaugeError
from stream.operations.deadletters import listing
from stream.operations.deadletters.purge_subject import PurgeSubject
from stream.operations.deadletters.purging import purge
from stream.operations.deadletters.replaying import replay


@click.group()
def deadletter() -> None:
    """List dead letters, replay them, or purge a customer's."""


@deadletter.command()
@filter_options
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(0), help="Show only so many, the newest."
)
@click.pass_obj
def ls(configuration: Configuration, /, limit: int, **options: Any) -> None:
    """List letters, the newest last, and how many there are of each topic and reason."""
    settings = configuration.load()
    for line in run(settings.kafka, listing.format_list(settings, filter_of(options), limit)):
        click.echo(line)


@deadletter.command()
@click.argument("position", type=POSITION, metavar="PARTITION:OFFSET")
@click.option("--raw", is_flag=True, help="Only the value, as it came.")
@click.pass_obj
def show(configuration: Configuration, position: str, raw: bool) -> None:
    """Show one letter: where it came from, why it is here, headers and value."""
    settings = configuration.load()
    letter = run(settings.kafka, listing.read_one(settings, position))
    if raw:
        click.get_binary_stream("stdout").write(letter.value or b"")
    else:
        click.echo("\n".join(listing.format_details(letter)))


@deadletter.command("replay")
@click.argument("places", nargs=-1, type=POSITION, metavar="[PARTITION:OFFSET]...")
@filter_options
@click.option("--rejudge", is_flag=True, help="Also what was future or late, as of now.")
@click.option("--dry-run", "dry", is_flag=True, help="Send nothing, say what would be sent.")
@click.pass_obj
def replay_command(
    configuration: Configuration,
    /,
    places: tuple[str, ...],
    rejudge: bool,
    dry: bool,
    **options: Any,
) -> None:
    """Put letters back on the topics that they came from: all there are, or those that places and filters say.

    They are judged by their first timestamps, with --rejudge those that were future or late as of now. What was
    oversized was cut and is never put back. The letters stay; what was counted meanwhile is a duplicate.
    """
    wanted = filter_of(options, places)
    settings = configuration.load()
    done = run(settings.kafka, replay(settings, wanted, rejudge=rejudge, dry=dry))
    seen = done.total()
    click.echo(f"{done.pop('sent', 0):,} {'would be put back' if dry else 'put back'}")
    if done.refused:
        click.echo(
            f"  of which {done.refused:,} cannot be read by this version either: they will be dead letters again"
        )
    for why, n in done.items():
        click.echo(f"{n:,} left: {why}")
    if (missing := len(set(places)) - seen) > 0:
        raise CxgaugeError(
            f"{missing} of {len(set(places))} letters are not there, or not as the filters want them"
        )


@deadletter.command("purge")
@click.argument("persons", nargs=-1, metavar="[CUSTOMER]...")
@click.option(
    "--customer",
    "customers",
    multiple=True,
    help="A customer's id, as the argument CUSTOMER; may be repeated.",
)
@click.option("--key", "keys", multiple=True, help="Letters with exactly this key, a ticket's for example.")
@click.option("--dry-run", "dry", is_flag=True, help="Remove nothing, say what would be removed.")
@click.pass_obj
def purge_command(
    configuration: Configuration,
    persons: tuple[str, ...],
    customers: tuple[str, ...],
    keys: tuple[str, ...],
    dry: bool,
) -> None:
    """Remove the letters of CUSTOMER: those with that key, and those that name the id in value or headers.

    In a value that is no JSON the id counts wherever it occurs: letters of others may go with it, see --dry-run. Letters
    of others move to the end of their partition; workers may go on.
    """
    people = (*persons, *customers)
    if not all((*people, *keys)) or not (people or keys):
        raise click.UsageError("Say whose letters: CUSTOMER, --customer or --key")
    settings = configuration.load()
    done = run(settings.kafka, purge(settings, PurgeSubject(keys, people), dry=dry))
    click.echo(
        f"{done.removed:,} {'would be removed' if dry else 'removed'}, {done.moved:,} of others moved for it"
    )
    if not done.rolled:
        click.echo(
            "The broker did not let us begin new segments: the bytes stay on its disks until the old ones go",
            err=True,
        )
        sys.exit(1)
