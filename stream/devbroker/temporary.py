"""Temporary folders that do not pile up: each start removes those that killed processes left behind."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

PREFIX = "cxgauge-"
LOCK = ".lock"
"""A file in each folder, locked while its process lives."""


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """Yield a new temporary folder, which is removed at the end, and remove abandoned ones of every kind."""
    with ExitStack() as closing:
        # Otherwise a folder could be removed between its creation and its lock.
        with _locked(Path(gettempdir())):
            _remove_abandoned()
            folder = Path(mkdtemp(prefix=f"{PREFIX}{kind}-"))
            (folder / LOCK).touch()
            closing.enter_context(_locked(folder / LOCK))
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for the lock on a file or folder and hold it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned() -> None:
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # in use, of another user, without a lock, or removed meanwhile
            descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(descriptor)
