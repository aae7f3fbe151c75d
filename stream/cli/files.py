"""`cxgauge files`: alert rules, dashboards and the other deployment files of this version."""

from pathlib import Path

import click

from stream import deployment


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def files(directory: Path) -> None:
    """Write the alert rules, runbooks, dashboards and example configurations of this version to a new DIRECTORY."""
    written = deployment.write(directory)
    click.echo(f"{len(written)} files in {directory}: {', '.join(deployment.NAMES)}")
