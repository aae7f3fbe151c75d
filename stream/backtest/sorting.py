"""Sorting of events by time in bounded memory: sorted runs in temporary files, which are merged."""

from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from operator import itemgetter
from struct import Struct
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, NamedTuple, Self

import msgspec

from schemas.topics import DomainName
from stream.errors import CxgaugeError

RUN_EVENTS = 100_000
"""Events that are held in memory until they are written as a run."""
FRAME_EVENTS = 256
"""Events of a run that are read at once."""
_LENGTH = Struct("<I")


class EncodedEvent(NamedTuple):
    """An event as a record of Kafka would hold it."""

    time: int
    """In ms since the epoch."""
    domain: DomainName
    value: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[EncodedEvent]).decode
_time = itemgetter(0)


class SortedEvents:
    """Events in the order of their times. Those of one time are in the order in which they were added.

    At most `RUN_EVENTS` are in memory, and `FRAME_EVENTS` of each run while they are read. Temporary files have the others.
    """

    def __init__(self) -> None:
        self._events: list[EncodedEvent] = []
        self._runs: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self._runs:
            with suppress(OSError):  # of a disk that was full before, which the error already says
                run.close()

    def add(self, event: EncodedEvent) -> None:
        """Add an event. Raises CxgaugeError if temporary files cannot be written, for example because the disk is full."""
        self._events.append(event)
        if len(self._events) >= RUN_EVENTS:
            try:
                self._write_run()
            except OSError as error:
                raise CxgaugeError(
                    f"temporary files: {error.strerror}. TMPDIR names another folder for them"
                ) from error

    def _write_run(self) -> None:
        self._events.sort(key=_time)
        run = TemporaryFile(prefix="cxgauge-")  # noqa: SIM115 - closed by __exit__
        self._runs.append(run)
        for first in range(0, len(self._events), FRAME_EVENTS):
            frame = _encode(self._events[first : first + FRAME_EVENTS])
            run.write(_LENGTH.pack(len(frame)) + frame)
        run.flush()
        self._events = []

    def __iter__(self) -> Iterator[EncodedEvent]:
        """Yield all events that were added."""
        self._events.sort(key=_time)
        return merge(*map(_read_run, self._runs), self._events, key=_time)


def _read_run(run: IO[bytes]) -> Iterator[EncodedEvent]:
    run.seek(0)
    while head := run.read(_LENGTH.size):
        yield from _decode(run.read(_LENGTH.unpack(head)[0]))
