"""When a part that has ended is started once more, and when that would not help."""

from collections import defaultdict, deque

from stream.errors import ConfigError, PreconditionFailed

MAX_ENDS, WITHIN = 5, 60.0
"""A part that ends so often within so many seconds is not started again."""
_REFUSALS = (ConfigError.exit_code, PreconditionFailed.exit_code)


class Restarts:
    """The recent ends of each part."""

    def __init__(self) -> None:
        self._ends: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MAX_ENDS))

    def helps(self, name: str, exit_code: int, now: float) -> bool:
        """Note an end of a part at `now` (s, monotonic). Return whether to start it once more.

        It is not if the part refuses its configuration or the stored state, or if it has ended too often.
        """
        ends = self._ends[name]
        ends.append(now)
        too_often = len(ends) == MAX_ENDS and now - ends[0] <= WITHIN
        return exit_code not in _REFUSALS and not too_often
