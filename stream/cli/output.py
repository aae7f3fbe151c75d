"""Output of the commands. Values in it may come from anybody who publishes events, so control characters are escaped."""

import click

from stream.text import printable_lines


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a text to standard output, or to standard error."""
    click.echo(printable_lines(text), err=err, nl=nl)
