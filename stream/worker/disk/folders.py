"""Folders of workers below `worker.state_dir`, one for each cluster, group, state prefix and worker.

A folder belongs to the process that holds the lock file beside it.
"""

import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from stream.errors import ConfigError, PreconditionFailed

log = logging.getLogger(__name__)

LOCK_TIMEOUT = 15.0
"""Seconds for which a worker with an instance waits for its predecessor."""
MAX_WORKERS = 1_000
_PAUSE = 0.2


class WorkerFolder:
    """The folder of this worker, which is locked until `release`. `domain-number` are the folders of its partitions."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def partition(self, domain: str, number: int) -> Path:
        """Return the folder of a partition, which may not exist."""
        return self.path / f"{domain}-{number}"

    def remove_stale(self, in_use: Collection[Path], used_before: float) -> list[Path]:
        """Remove the folders of partitions that nobody has used since a time, also those of workers that are gone.

        `used_before` in seconds since the epoch. Returns the removed folders.
        """
        removed = []
        for worker in sorted(self.path.parent.iterdir()):
            if not worker.is_dir():
                continue
            lock = None if worker == self.path else _lock(worker)
            if worker != self.path and lock is None:
                continue
            try:
                for partition in sorted(worker.iterdir()):
                    if partition not in in_use and _last_use(partition) < used_before:
                        remove(partition)
                        removed.append(partition)
            finally:
                if lock is not None:
                    os.close(lock)
        return removed

    def release(self) -> None:
        """Give the folder up. Another process may use it from now on."""
        os.close(self._lock)


def claim(state_dir: Path, installation: Collection[str], instance: str | None) -> WorkerFolder:
    """Lock the folder of a worker: that of its instance, or without one that of the lowest free number.

    `installation` names cluster, group and state prefix.

    Raises:
        ConfigError: the folder cannot be made or locked
        PreconditionFailed: another process has the folder of this instance
    """
    try:
        base = state_dir.joinpath(*map(_file_name, installation))
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if instance is not None:
            return _claim_instance(base / f"instance-{_file_name(instance)}")
        for number in range(MAX_WORKERS):
            if (lock := _lock(path := base / f"worker-{number}")) is not None:
                path.mkdir(mode=0o700, exist_ok=True)
                return WorkerFolder(path, lock)
    except OSError as error:
        raise ConfigError(f"worker.state_dir: got {str(state_dir)!r}: {error}") from error
    raise PreconditionFailed(f"worker.state_dir: {base} has {MAX_WORKERS} workers already")


def _claim_instance(path: Path) -> WorkerFolder:
    deadline_at, pause = time.monotonic() + LOCK_TIMEOUT, threading.Event()
    while (lock := _lock(path)) is None:
        if time.monotonic() > deadline_at:
            raise PreconditionFailed(
                f"worker.state_dir: {path} is in use by another process. Two workers need two names in worker.instance"
            )
        pause.wait(_PAUSE)
    path.mkdir(mode=0o700, exist_ok=True)
    return WorkerFolder(path, lock)


def _lock(worker: Path) -> int | None:
    """Return the descriptor of a folder's lock file, which is locked, or None if another process has the lock."""
    descriptor = os.open(
        worker.with_name(f"{worker.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _file_name(name: str) -> str:
    """Return a name as a file name, which differs for different names."""
    quoted = quote(name, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def remove(folder: Path) -> None:
    """Remove a folder. One that is removed in part has no database any more."""
    with suppress(FileNotFoundError):
        (folder / "CURRENT").unlink()
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def size(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(status.st_size for status in _statuses(folder))


def _last_use(folder: Path) -> float:
    """Return the time of the last change of a folder's files, in seconds since the epoch."""
    return max((status.st_mtime for status in _statuses(folder)), default=0.0)


def _statuses(folder: Path) -> list[os.stat_result]:
    statuses = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # compactions delete files meanwhile
                statuses.append(entry.stat())
    return statuses
