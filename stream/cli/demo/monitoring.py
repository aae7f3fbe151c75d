"""Prometheus and Alertmanager with the shipped configuration, where their programs are found."""

import shutil
from pathlib import Path

from stream.cli.demo.ports import Ports
from stream.cli.http import get
from stream.cli.tools import find

DEPLOY = Path(__file__).parents[3] / "deploy"
PAGES = ("/alerts", "/classic/alerts", "/api/v1/alerts")
"""Of upstream's user interface, of Debian's, and what is there without one."""

Command = list[str | Path]


def alertmanager(folder: Path, ports: Ports) -> Command | None:
    """How to start it, keeping its data and a configuration with our webhook in `folder`; None without the program."""
    shipped = DEPLOY / "alertmanager" / "alertmanager.yml"
    program = find("alertmanager") if shipped.exists() else None
    if program is None:
        return None
    config = folder / "alertmanager.yml"
    config.write_text(with_webhook(shipped.read_text(), f"http://127.0.0.1:{ports.webhook}/"))
    return [
        program,
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{ports.alertmanager}",
        "--cluster.listen-address=",
    ]


def prometheus(folder: Path, ports: Ports) -> Command | None:
    """How to start it, keeping its data and a configuration with these ports in `folder`; None likewise."""
    shipped = DEPLOY / "prometheus"
    program = find("prometheus") if shipped.exists() else None
    if program is None:
        return None
    config = Path(shutil.copytree(shipped, folder / "prometheus")) / "prometheus.yml"
    config.write_text(with_ports(config.read_text(), ports))
    return [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{ports.prometheus}",
    ]


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
