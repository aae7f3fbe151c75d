"""Databases of workers below `worker.state_dir` on this machine."""

import shutil
from pathlib import Path
from typing import NamedTuple

DEPTH = "*/*/*/*/*"
"""Cluster, group, state prefix, worker, partition: see `stream.worker.disk.folders`."""
GB = 1e9


class StateFolder(NamedTuple):
    """Databases of all workers that use the folder, their bytes, and the bytes that are free beside them."""

    databases: int
    size: int
    free: int


def inspect(state_dir: Path) -> StateFolder | None:
    """Return what is in the folder, None if it does not exist on this machine. Raises OSError."""
    if not state_dir.is_dir():
        return None
    databases = [path for path in state_dir.glob(DEPTH) if (path / "CURRENT").exists()]
    files = [file for path in databases for file in path.iterdir()]
    size = sum(file.stat().st_size for file in files if file.exists())
    return StateFolder(len(databases), size, shutil.disk_usage(state_dir).free)


def report(state_dir: Path) -> tuple[str, bool]:
    """Return a line about the folder, and whether something is wrong: too little is free for as much again."""
    try:
        state = inspect(state_dir)
    except OSError as error:
        return f"{state_dir}: cannot be read: {error}", True
    if state is None:
        return f"{state_dir}: does not exist on this machine", False
    line = (
        f"{state_dir}: {state.databases} databases, {state.size / GB:.2f} GB, {state.free / GB:.2f} GB free"
    )
    if state.free < state.size:
        return f"{line}. Databases double for a while when RocksDB rewrites them", True
    return line, False
