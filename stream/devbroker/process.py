"""Child processes, each in its own process group and with its output in a file."""

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
    """A program could not be started, was not ready in time or ended by itself."""


class Child:
    """A running program. As a context manager it stops the program at the end of the block."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command` and append its output to `log`. `env` is None for the environment of this process.

        With setpriv (Linux) the program does not outlive the thread that starts it, even if that is killed.
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
        """The ID of the process and of its process group."""
        return self._process.pid

    def ended(self, within: float = 0.0) -> bool:
        """Return whether the program has ended. Wait up to `within` seconds for the end."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def exit_code(self) -> int:
        """The exit code of a program that has ended, negative for a signal."""
        return int(self._process.returncode)

    @property
    def killed(self) -> bool:
        """True if SIGKILL ended the program."""
        return self.exit_code == -signal.SIGKILL

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until `ready()` returns True.

        Raises:
            ProcessError: the program ended or was not ready in time. The text ends with the last lines of its
            log
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.ended(within=0.05):
                raise self.failure()
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name} was not ready within {seconds:g} s. Last lines of its log:\n{self.tail()}"
                )

    def failure(self) -> ProcessError:
        """Return the error for a program that has ended by itself."""
        how = "was killed" if self.killed else f"ended with exit code {self.exit_code}"
        return ProcessError(f"{self.name} {how}. Last lines of its log:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float = 15.0) -> None:
        """Stop the program with SIGTERM, and after `seconds` with SIGKILL to its process group."""
        if self.ended():
            return
        self._process.terminate()
        if not self.ended(within=seconds):
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def until_stopped() -> Iterator[None]:
    """End the block at SIGINT, SIGTERM or SIGHUP without an exception.

    Later signals are ignored, so that it can clean up.
    """
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        signals.append(signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
