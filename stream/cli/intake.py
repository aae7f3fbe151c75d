"""`cxgauge intake`: take events over HTTP, and make tokens for their sources."""

import sys

import click

from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.intake.grants import make_token, token_hash
from stream.intake.service import run


@click.group(invoke_without_command=True)
@click.pass_context
def intake(ctx: click.Context) -> None:
    """Take events over HTTP and write them to Kafka until SIGTERM."""
    if ctx.invoked_subcommand is None:
        configuration: Configuration = ctx.obj
        sys.exit(run(configuration.load()))


@intake.command()
@click.argument("source")
def token(source: str) -> None:
    """Make a bearer token for SOURCE. It is printed once; the configuration has its hash only."""
    secret = make_token()
    echo(f"Give this token to {source}. It is not stored anywhere:\n\n    {secret}\n")
    echo(
        f'Add this to the configuration:\n\n    [intake.tokens.{source}]\n    sha256 = "{token_hash(secret)}"'
    )
