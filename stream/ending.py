"""Ends of a service without an orderly shutdown, which could write wrong state or wait for a broker."""

import os
import sys
from typing import NoReturn

from stream import logs
from stream.text import printable_lines


def end(program: str, code: int, text: str) -> NoReturn:
    """Print the reason on standard error and end the process at once. `program` is the command, such as `worker`."""
    print(logs.last_entry(text, f"cxgauge {program}: {printable_lines(text)}"), file=sys.stderr)  # noqa: T201
    _flush_streams()
    os._exit(code)


def restart() -> NoReturn:
    """Run the program of this process from its beginning. Threads, connections and memory do not survive."""
    _flush_streams()
    # The process keeps its id, so that a supervisor need not act.
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606


def _flush_streams() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
