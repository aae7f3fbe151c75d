"""`python -m tests.security.jumping_clock ARGUMENTS` runs cxgauge with a wall clock that a test sets.

The file of CX_TEST_CLOCK contains the ms by which it is ahead. The monotonic clock is the machine's.
"""

import os
import time
from pathlib import Path

from stream.cli import main

_FILE = Path(os.environ["CX_TEST_CLOCK"])
_time_ns = time.time_ns


def _jumping_ns() -> int:
    return _time_ns() + int(_FILE.read_text() or 0) * 1_000_000


def _jumping() -> float:
    return _jumping_ns() / 1e9


if __name__ == "__main__":
    time.time_ns = _jumping_ns
    time.time = _jumping
    main()
