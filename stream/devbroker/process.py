"""Child processes: each in its own process group, its output in a file, ready by condition, stopped for certain."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from stream.errors import CxgaugeError

_SETPRIV = shutil.which("setpriv")
_BOUND = (_SETPRIV, "--pdeathsig", "TERM") if _SETPRIV else ()


class ProcessError(CxgaugeError):
    """A program could not be started, did not get ready in time or ended by itself; the text is for the user."""


class Child:
    """A running program. As a context manager it is stopped at the end of the block."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command` in our own environment or in `env`, appending its output to `log`.

        Where there is setpriv (Linux), it does not outlive the thread that starts it, even if that is killed.
        """
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_BOUND, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id, also that of the process group."""
        return self._process.pid

    def ended(self, within: float = 0.0) -> bool:
        """Whether the program has ended; waits up to `within` seconds for that."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def killed(self) -> bool:
        """Whether the program has been ended by SIGKILL."""
        return self._process.returncode == -signal.SIGKILL

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60.0) -> None:
        """Ask `ready()` again and again until it says so.

        Raises:
            ProcessError: the program ended, or the time is up; the text ends with the last lines of its log
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.ended(within=0.05):
                raise self.failure()
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name} was not ready within {seconds:g} s, its last words:\n{self.tail()}"
                )

    def failure(self) -> ProcessError:
        """The error that says that the program has ended by itself."""
        return ProcessError(
            f"{self.name} ended with exit code {self._process.returncode}, its last words:\n{self.tail()}"
        )

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float = 15.0) -> None:
        """End the program: SIGTERM, and SIGKILL to its whole group when that took too long."""
        if self.ended():
            return
        self._process.terminate()
        if not self.ended(within=seconds):
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def until_stopped() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM or a closed terminal end the block as if it had returned; once, so that it can clean up."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        signals.append(signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
