"""Command lines of the servers that cxgauge starts."""

from pathlib import Path

Command = list[str | Path]


def prometheus(program: Path, config: Path, data: Path, port: int) -> Command:
    """Return the command of a Prometheus that listens on this port of 127.0.0.1."""
    return [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def alertmanager(program: Path, config: Path, data: Path, port: int) -> Command:
    """Return the command of an Alertmanager without cluster that listens on this port of 127.0.0.1."""
    return [
        program,
        f"--config.file={config}",
        f"--storage.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
