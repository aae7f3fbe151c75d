"""Prometheus and Alertmanager with the shipped configuration, where their programs start."""

import shutil
from pathlib import Path

from stream.demo.ports import Ports
from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.tools import commands
from stream.devbroker.tools.commands import Command

PAGES = ("/alerts", "/classic/alerts", "/api/v1/alerts")
"""Of upstream's user interface, of Debian's, and what is there without one."""


def alertmanager(executable: Path, folder: Path, ports: Ports) -> Command:
    """Return the command that starts it, with its data and a configuration with our receiver in `folder`."""
    config = folder / "alertmanager.yml"
    webhook = f"http://127.0.0.1:{ports.receiver}/"
    config.write_text(with_webhook(_shipped("alertmanager").read_text(), webhook))
    return commands.alertmanager(executable, config, folder / "alertmanager", ports.alertmanager)


def prometheus(executable: Path, folder: Path, ports: Ports) -> Command:
    """Return the command that starts it, with its data and a configuration with these ports in `folder`.

    It sends its alerts to the port of Alertmanager, whoever listens there.
    """
    shipped = _shipped("prometheus")
    config = Path(shutil.copytree(shipped.parent, folder / "prometheus")) / shipped.name
    config.write_text(with_ports(config.read_text(), ports))
    return commands.prometheus(executable, config, folder / "tsdb", ports.prometheus)


def with_ports(config: str, ports: Ports) -> str:
    """Prometheus' configuration with these ports in place of the usual ones."""
    for usual, port in zip(Ports(), ports, strict=True):
        config = config.replace(f'"127.0.0.1:{usual}"', f'"127.0.0.1:{port}"')
    return config


def with_webhook(config: str, url: str) -> str:
    """Alertmanager's configuration with every receiver telling this address."""
    lines = [
        f"{line}\n    webhook_configs: [{{url: '{url}', send_resolved: true}}]"
        if line.startswith("  - name: ")
        else line
        for line in config.splitlines()
    ]
    return "\n".join(lines) + "\n"


def page(port: int) -> str:
    """The first page about alerts that this Prometheus has."""
    return next((path for path in PAGES if get(port, path).status == 200), "/")


def _shipped(name: str) -> Path:
    return FOLDER / name / f"{name}.yml"
