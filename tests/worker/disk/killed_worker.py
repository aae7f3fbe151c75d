"""A worker that kills itself in the middle of a rebuild: run as a program, with the commands of cxgauge."""

import os
import signal
from collections.abc import Iterator

from stream.cli import main
from stream.core.aggregation import entities
from stream.core.aggregation.rebuild import RebuiltSlice
from stream.core.aggregation.task import PartitionTask
from stream.worker import restore

SLICES = 5
"""Slices with changes that are written before."""
rebuild = restore.rebuild


def _killed(partition: PartitionTask) -> Iterator[RebuiltSlice]:
    written = 0
    for part in rebuild(partition):
        yield part
        written += bool(part.state)
        if written == SLICES:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    entities.SLICE = 50
    restore.rebuild = _killed
    main()
