"""The folder with everything that outlives `cxgauge up`. One process at a time uses it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.errors import CxgaugeError, PreconditionFailed


def default_folder() -> Path:
    """Return the user's data folder (XDG Base Directory Specification), in which we have one."""
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".local" / "share") / "cxgauge"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder, readable by its owner only, and hold it for the length of the block.

    Raises:
        PreconditionFailed: another process holds it
        CxgaugeError: it cannot be made or written
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        reason = f"{folder}: cannot be written: {error.strerror}; choose another one with --data"
        raise CxgaugeError(reason) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise PreconditionFailed(
                f"{folder} is in use by another `cxgauge up` (process {lock.read().strip()}); "
                "stop it or choose another folder with --data"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
