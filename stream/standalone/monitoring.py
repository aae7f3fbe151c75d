"""Prometheus and Alertmanager with the shipped configuration."""

import shutil
from pathlib import Path

from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.tools import commands
from stream.devbroker.tools.commands import Command
from stream.standalone.ports import Ports

PAGES = ("/alerts", "/classic/alerts", "/api/v1/alerts")
"""Pages about alerts: of upstream's user interface, of Debian's, and the API if there is no interface."""


def alertmanager(executable: Path, folder: Path, ports: Ports, webhook: str | None = None) -> Command:
    """Return the command that starts Alertmanager. Its data and configuration are in `folder`.

    With a webhook every receiver notifies it. Without, the shipped configuration is copied unless there is one, so that
    its receivers can be edited.
    """
    config = folder / "alertmanager.yml"
    shipped = _shipped("alertmanager").read_text()
    if webhook is not None:
        config.write_text(with_webhook(shipped, webhook))
    elif not config.exists():
        config.write_text(shipped)
    return commands.alertmanager(executable, config, folder / "alertmanager", ports.alertmanager)


def prometheus(executable: Path, folder: Path, ports: Ports) -> Command:
    """Return the command that starts Prometheus with these ports. Its data and configuration are in `folder`.

    It sends its alerts to the port of Alertmanager.
    """
    shipped = _shipped("prometheus")
    copied = shutil.copytree(shipped.parent, folder / "prometheus", dirs_exist_ok=True)
    config = Path(copied) / shipped.name
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
