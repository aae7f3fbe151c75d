"""`cxgauge up`: run everything on one machine, for real use."""

import sys
from pathlib import Path

import click

from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.standalone.data_folder import default_folder
from stream.standalone.run import run_up


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder for topics, logs and Prometheus' data. Default: cxgauge in your data folder, "
    "$XDG_DATA_HOME or ~/.local/share.",
)
@click.pass_obj
def up(configuration: Configuration, data: Path | None) -> None:
    """Run broker, worker, intake and exporter on this machine until Ctrl-C, and keep the data.

    With Prometheus and Alertmanager, if they are there. A part that ends is restarted.
    """
    folder = (data or default_folder()).absolute()
    path = configuration.file
    arguments = () if path is None else ("--config", str(path.absolute()))
    sys.exit(run_up(folder, configuration.load(), arguments, echo))
