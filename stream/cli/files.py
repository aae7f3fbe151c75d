"""`cxgauge files`: write alert rules, dashboards and the other deployment files of this version."""

from pathlib import Path

import click

from stream import deployment
from stream.cli.output import echo


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def files(directory: Path) -> None:
    """Write alert rules, runbooks, dashboards and example configurations to a new DIRECTORY."""
    written = deployment.write(directory)
    echo(f"{len(written)} files in {directory}: {', '.join(deployment.NAMES)}")
