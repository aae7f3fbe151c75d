"""The wall clock, a monotonic clock, and a wall clock without jumps."""

import time

JUMP = 60_000
"""A change of the wall clock by more ms than that is a jump. Smaller changes are followed at once."""
HOLD = 30_000
"""Ms for which a jump must last before it is followed, unless other clocks confirm it."""
SHOWN = 600_000
"""Ms for which a jump that was followed is reported."""

MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A monotonic clock, if possible one that includes suspension, because checkpoints grow old during it."""


def wall_ms() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Return milliseconds of a clock that nobody can set."""
    return time.clock_gettime_ns(MONOTONIC) // 1_000_000


class SteadyClock:
    """The wall clock, continued by the monotonic clock while a jump of the wall clock is not confirmed.

    It goes back only when it follows a jump. It reads no clock itself.
    """

    def __init__(self) -> None:
        self.jump = 0
        """Ms by which the wall clock jumped without being followed, negative if back. 0 if there is no such jump."""
        self._now: int | None = None
        self._read_at = 0
        self._jumped_at = 0
        self._followed: tuple[int, int] | None = None
        """The last jump that was followed, in ms, and the monotonic time of that."""

    def read(self, monotonic_ms: int, wall_ms: int, others: int | None = None) -> int:
        """Return the present in ms since the epoch.

        Args:
            monotonic_ms: the present in ms of a monotonic clock
            wall_ms: the present by the wall clock
            others: the present by the majority of other clocks, None if it is unknown
        """
        before = wall_ms if self._now is None else self._now
        expected = wall_ms if self._now is None else before + monotonic_ms - self._read_at
        jump = wall_ms - expected
        if abs(jump) <= JUMP:
            self.jump, self._now = 0, max(before, wall_ms)
        elif self._follows(monotonic_ms, wall_ms, expected, others):
            self.jump, self._now, self._followed = 0, wall_ms, (jump, monotonic_ms)
        else:
            self._now = expected
        self._read_at = monotonic_ms
        return self._now

    def _follows(self, monotonic_ms: int, wall_ms: int, expected: int, others: int | None) -> bool:
        """Return whether a jump is followed. It is not while other clocks contradict it."""
        if abs(wall_ms - expected - self.jump) > JUMP:
            self.jump = wall_ms - expected
            self._jumped_at = monotonic_ms
        if others is not None and abs(wall_ms - others) <= JUMP:
            return True
        contradicted = others is not None and abs(expected - others) <= JUMP
        return not contradicted and monotonic_ms - self._jumped_at >= HOLD

    def report(self, monotonic_ms: int) -> str:
        """Return a text about a jump that is not followed, or was followed recently. Empty if there is none."""
        if self.jump:
            return f"the wall clock jumped {_direction(self.jump)} and is not followed"
        if self._followed is not None and monotonic_ms - self._followed[1] < SHOWN:
            return f"the wall clock jumped {_direction(self._followed[0])} and was followed"
        return ""


def length(ms: int) -> str:
    """Return the length of a difference as a text, such as `20 min` or `90 s`."""
    seconds = round(abs(ms) / 1000)
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{round(seconds / unit)} {name}"
    return f"{seconds} s"


def describe(difference: int) -> str:
    """Return by how much a clock is ahead (positive, in ms) or behind, such as `20 min ahead`."""
    return f"{length(difference)} {'behind' if difference < 0 else 'ahead'}"


def _direction(jump: int) -> str:
    return f"{length(jump)} {'back' if jump < 0 else 'ahead'}"
