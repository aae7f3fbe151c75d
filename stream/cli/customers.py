"""`cxgauge customers`: list customers behind figures."""

from typing import Any

import click

from stream.cli.configuration import Configuration
from stream.cli.lists import ListOptions, ask, list_options, read, show, window_of
from stream.exporter.live.list_documents import leaving_document


@click.group()
def customers() -> None:
    """List customers behind figures."""


@customers.command()
@list_options
@click.pass_obj
def leaving(configuration: Configuration, /, **options: Any) -> None:
    """List customers who gave notice, and churns in a window with reason, the newest first.

    There are as many rows as cx_cancel_scheduled_customers and cx_churned_customers say, but for erased
    customers, and lives before a customer's last 100.

    The whole state of customers is read, which takes a while if it is large. --url asks an exporter.
    """
    given = ListOptions(**options)
    settings = configuration.load()
    if given.url is not None:
        document = ask(settings, given, "/api/v1/customers/leaving")
    else:
        window = window_of(settings, given.window)
        index, context = read(settings, "customers", window)
        document = leaving_document(index.leaving(window, context.now, given.limit)(), context)
    show(document, given.format_)
