"""`cxgauge erase`: erase a person."""

import click

from schemas.customers import CustomerErased
from schemas.publish import Publisher
from schemas.times import from_ms
from schemas.topics import DOMAINS
from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.clock import wall_ms
from stream.config import Settings
from stream.importing.sending import describe_inputs
from stream.kafka.client import client_options


@click.command()
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def erase(configuration: Configuration, customer: str, yes: bool) -> None:
    """Erase the person with the ID CUSTOMER: send cx.customer.erased.v1 to the three inputs.

    Everything stored about the person up to now is deleted. Finished counts stay, without a name. This cannot be undone.
    """
    settings = configuration.load()
    if not customer:
        raise click.BadParameter("is empty", param_hint="CUSTOMER")
    if not yes:
        click.confirm(f"Delete everything stored about {customer!r}?", abort=True, err=True)
    run(settings.kafka, _erase(settings, customer))
    echo(f"Sent an erasure of {customer!r} to {', '.join(map(settings.topics.input, DOMAINS))}")
    echo(f"Dead letters are removed with: cxgauge deadletter purge {customer!r}")


async def _erase(settings: Settings, customer: str) -> None:
    await describe_inputs(settings)
    topics: dict[str, str] = {domain: settings.topics.input(domain) for domain in DOMAINS}
    async with Publisher(
        topics=topics, source="/cxgauge/erase", **client_options(settings.kafka)
    ) as publisher:
        await publisher.send(CustomerErased(customer_id=customer), time=from_ms(wall_ms()))
