"""Prometheus and Alertmanager with the shipped configuration."""

import shutil
from pathlib import Path

from stream.demo.ports import Ports
from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.tools import commands
from stream.devbroker.tools.commands import Command

PAGES = ("/alerts", "/classic/alerts", "/api/v1/alerts")
"""Pages about alerts: of upstream's user interface, of Debian's, and the API if there is no interface."""


def alertmanager(executable: Path, folder: Path, ports: Ports) -> Command:
    """Return the command that starts Alertmanager with our receiver.

    Its data and configuration are in `folder`.
    """
    config = folder / "alertmanager.yml"
    webhook = f"http://127.0.0.1:{ports.receiver}/"
    config.write_text(with_webhook(_shipped("alertmanager").read_text(), webhook))
    return commands.alertmanager(executable, config, folder / "alertmanager", ports.alertmanager)


def prometheus(executable: Path, folder: Path, ports: Ports) -> Command:
    """Return the command that starts Prometheus with these ports. Its data and configuration are in `folder`.

    It sends its alerts to the port of Alertmanager.
    """
    shipped = _shipped("prometheus")
    config = Path(shutil.copytree(shipped.parent, folder / "prometheus")) / shipped.name
    config.write_text(with_ports(config.read_text(), ports))
    return commands.prometheus(executable, config, folder / "tsdb", ports.prometheus)


def with_ports(config: str, ports: Ports) -> str:
    """Return a configuration of Prometheus with these ports instead of the default ones."""
    for default, port in zip(Ports(), ports, strict=True):
        config = config.replace(f'"127.0.0.1:{default}"', f'"127.0.0.1:{port}"')
    return config


def with_webhook(config: str, url: str) -> str:
    """Return a configuration of Alertmanager in which every receiver posts to this URL."""
    lines = [
        f"{line}\n    webhook_configs: [{{url: '{url}', send_resolved: true}}]"
        if line.startswith("  - name: ")
        else line
        for line in config.splitlines()
    ]
    return "\n".join(lines) + "\n"


def alerts_page(port: int) -> str:
    """Return the path of the first page about alerts that this Prometheus serves."""
    return next((path for path in PAGES if get(port, path).status == 200), "/")


def _shipped(name: str) -> Path:
    return FOLDER / name / f"{name}.yml"
