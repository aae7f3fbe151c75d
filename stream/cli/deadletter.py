"""`cxgauge deadletter`: list, show, replay and purge dead letters."""

import sys
from typing import Any

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.deadletter_options import POSITION, filter_of, filter_options
from stream.cli.output import echo
from stream.errors import CxgaugeError
from stream.operations.deadletters import listing
from stream.operations.deadletters.purge_subject import PurgeSubject
from stream.operations.deadletters.purging import purge
from stream.operations.deadletters.replaying import replay


@click.group()
def deadletter() -> None:
    """List, show, replay or purge dead letters: records that could not be processed."""


@deadletter.command()
@filter_options
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(0),
    help="List at most this many dead letters, the newest ones.",
)
@click.pass_obj
def ls(configuration: Configuration, /, limit: int, **options: Any) -> None:
    """List dead letters, the newest last, and count them by topic and reason."""
    settings = configuration.load()
    for line in run(settings.kafka, listing.format_list(settings, filter_of(options), limit)):
        echo(line)


@deadletter.command()
@click.argument("position", type=POSITION, metavar="PARTITION:OFFSET")
@click.option("--raw", is_flag=True, help="Print only the unchanged value.")
@click.pass_obj
def show(configuration: Configuration, position: str, raw: bool) -> None:
    """Show a dead letter: source, reason, key, headers and value."""
    settings = configuration.load()
    dead_letter = run(settings.kafka, listing.read_dead_letter(settings, position))
    if raw:
        click.get_binary_stream("stdout").write(dead_letter.value or b"")
    else:
        echo("\n".join(listing.format_details(dead_letter)))


@deadletter.command("replay")
@click.argument("positions", nargs=-1, type=POSITION, metavar="[PARTITION:OFFSET]...")
@filter_options
@click.option("--rejudge", is_flag=True, help="Also replay future and late dead letters, as events of now.")
@click.option("--dry-run", is_flag=True, help="Send nothing, and print how many would be sent.")
@click.pass_obj
def replay_command(
    configuration: Configuration,
    /,
    positions: tuple[str, ...],
    rejudge: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Send dead letters back to their source topics: all, or those that positions and filters select.

    They are classified by their first timestamps. With --rejudge, future and late ones are classified as of
    now. Oversized records were cut and are never replayed. Dead letters stay in their topic. An event that
    was counted meanwhile is a duplicate.
    """
    wanted = filter_of(options, positions)
    settings = configuration.load()
    result = run(settings.kafka, replay(settings, wanted, rejudge=rejudge, dry_run=dry_run))
    selected = result.total()
    echo(f"{result.pop('sent', 0):,} {'would be replayed' if dry_run else 'replayed'}")
    if result.still_unreadable:
        echo(
            f"  {result.still_unreadable:,} of them cannot be read by this version either, which makes them dead letters again"
        )
    for reason, count in result.items():
        echo(f"{count:,} not replayed: {reason}")
    if (missing := len(set(positions)) - selected) > 0:
        raise CxgaugeError(
            f"{missing} of {len(set(positions))} dead letters do not exist or do not match the filters"
        )


@deadletter.command("purge")
@click.argument("customer_arguments", nargs=-1, metavar="[CUSTOMER]...")
@click.option(
    "--customer",
    "customer_options",
    multiple=True,
    help="ID of a customer, like the argument CUSTOMER. May be repeated.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    help="Remove dead letters with exactly this record key, such as a ticket's ID. May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Remove nothing, and print how many would be removed.")
@click.pass_obj
def purge_command(
    configuration: Configuration,
    customer_arguments: tuple[str, ...],
    customer_options: tuple[str, ...],
    keys: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Remove the dead letters of CUSTOMER: those with that key, and those with the ID in value or headers.

    In a value that is not JSON any occurrence of the ID matches, so dead letters of others may be removed.
    Count them first with --dry-run. Other dead letters move to the end of their partition. Workers need not
    be stopped.
    """
    customer_ids = (*customer_arguments, *customer_options)
    if not all((*customer_ids, *keys)) or not (customer_ids or keys):
        raise click.UsageError("CUSTOMER, --customer or --key is missing or empty")
    settings = configuration.load()
    result = run(settings.kafka, purge(settings, PurgeSubject(keys, customer_ids), dry_run=dry_run))
    would = "would be " if dry_run else ""
    echo(f"{result.removed:,} {would}removed, {result.moved:,} of others {would}moved")
    if not result.rolled:
        echo(
            "The broker refused to begin new segments. The removed bytes stay on its disks until Kafka deletes the old segments",
            err=True,
        )
        sys.exit(1)
