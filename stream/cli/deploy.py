"""`cxgauge deploy`: the deployment files of this version."""

from pathlib import Path

import click

from stream import deployment
from stream.cli.output import echo


@click.group()
def deploy() -> None:
    """Write alert rules, dashboards and the other deployment files of this version."""


@deploy.command()
@click.argument("directory", type=click.Path(path_type=Path))
def export(directory: Path) -> None:
    """Write alert rules, runbooks, dashboards, systemd units, manifests and example configurations to a new DIRECTORY."""
    written = deployment.write(directory)
    echo(f"{len(written)} files in {directory}: {', '.join(deployment.NAMES)}")
