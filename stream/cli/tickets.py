"""`cxgauge tickets`: list the tickets behind a figure."""

from typing import Any

import click

from stream.cli.configuration import Configuration
from stream.cli.lists import ListOptions, ask, list_options, read, show, window_of
from stream.core.model.listing import TICKET_LISTS, WINDOWED_LISTS, TicketListName, Wanted
from stream.exporter.live.list_documents import ticket_document


@click.command()
@click.argument("list_name", metavar="LIST", type=click.Choice(TICKET_LISTS))
@click.option("--channel", help="Only tickets of this channel.")
@click.option("--team", help="Only tickets of this team.")
@click.option("--priority", help="Only tickets of this priority.")
@list_options
@click.pass_obj
def tickets(
    configuration: Configuration,
    /,
    list_name: TicketListName,
    channel: str | None,
    team: str | None,
    priority: str | None,
    **options: Any,
) -> None:
    """List tickets with age, channel, team, priority and, with exporter.ticket_url, a link.

    LIST is waiting, awaiting-reply, over-target, orphans, or, in a window, reopened or unanswered (solved without
    an agent's contact). A list is as long as the figure of cxgauge explain waiting, next_response, resolution and
    first_response, but for erased tickets.

    The whole state of tickets is read, which takes a while if it is large. --url asks an exporter.
    """
    given = ListOptions(**options)
    settings = configuration.load()
    is_windowed = list_name in WINDOWED_LISTS
    if given.window is not None and not is_windowed:
        raise click.UsageError(f"--window is for the lists {', '.join(sorted(WINDOWED_LISTS))}")
    wanted = Wanted(channel, team, priority)
    if given.url is not None:
        document = ask(settings, given, "/api/v1/tickets", list=list_name, **wanted._asdict())
    else:
        window = window_of(settings, given.window)
        index, context = read(settings, "tickets", window if is_windowed else None)
        listing = index.tickets(list_name, window, context.now, given.limit, wanted)()
        document = ticket_document(list_name, listing, context)
    show(document, given.format_)
