"""The clock of a worker, and its difference from the broker's."""

from collections.abc import Callable, Iterator

from stream.clock import JUMP, SteadyClock, describe, monotonic_ms, wall_ms
from stream.core.model.clock_comparison import MAX_DIFFERENCE


class WorkerClock:
    """The wall clock of this machine without its jumps, and the broker's clock as its last answer showed it."""

    def __init__(
        self, wall: Callable[[], int] = wall_ms, monotonic: Callable[[], int] = monotonic_ms
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._steady = SteadyClock()
        self._broker_offset: int | None = None

    def wall_ms(self) -> int:
        """Return the present in ms since the epoch.

        A jump of the wall clock is followed when the broker's clock confirms it, else after 30 s. Then checkpoints
        show the wrong time, and exporters name this worker.
        """
        now, wall = self._monotonic(), self._wall()
        broker = None if self._broker_offset is None else now + self._broker_offset
        is_confirmed = broker is not None and abs(wall - broker) <= JUMP
        return self._steady.read(now, wall, broker if is_confirmed else None)

    @property
    def has_jumped(self) -> bool:
        """True while a jump of the wall clock is not followed."""
        return self._steady.jump != 0

    def stamp(self) -> int:
        """Return the timestamp of records to be written, in ms since the epoch.

        It is the broker's present time, because the broker refuses records that are far ahead of its clock. It is the
        worker's until the broker's is known.
        """
        return self.wall_ms() if self._broker_offset is None else self._monotonic() + self._broker_offset

    def set_broker(self, broker_ms: int) -> None:
        """Record the time that the broker shows now."""
        self._broker_offset = broker_ms - self._monotonic()

    def notes(self) -> Iterator[tuple[str, str]]:
        """Yield texts about a jump, and a difference from the broker's clock, with keys that do not change with its size."""
        now = self._monotonic()
        if report := self._steady.report(now):
            yield report, f"clock of this worker: {report}"
        if self._broker_offset is not None:
            difference = self._wall() - now - self._broker_offset
            if abs(difference) > MAX_DIFFERENCE:
                yield "broker", f"clock of this worker: {describe(difference)}, compared with the broker's"
