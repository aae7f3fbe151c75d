"""The moments at which detectors judge a label set, and their findings there."""

from dataclasses import dataclass

import numpy as np

from tests.bench.alerts.promql import STEP
from tests.bench.alerts.special_days import DAY, HOUR, MINUTE, Floats, Ints


@dataclass(frozen=True)
class Points:
    """Ticks at which something may change: after events, and at the start of every minute."""

    ticks: Ints
    seconds: Floats
    minute: Ints
    hour: Ints

    def begin(self, length: float) -> Floats:
        """Return the start of the window of this length in seconds, which ends with the present bucket."""
        step = MINUTE if length <= HOUR else 15 * MINUTE if length <= DAY else HOUR
        return np.floor(self.minute * MINUTE / step) * step + step - length

    def select(self, chosen: np.ndarray) -> "Points":
        """Return some of the points."""
        return Points(self.ticks[chosen], self.seconds[chosen], self.minute[chosen], self.hour[chosen])


def points(times: Floats, first: int, end: int) -> Points:
    """Return the points of a label set's events from tick `first` to before `end`."""
    after_events = (np.floor(times / STEP) + 1).astype(int)
    minutes = np.arange(-(-first // 12), -(-end // 12)) * (MINUTE // STEP)
    ticks = np.unique(np.concatenate([[first], after_events, minutes]))
    ticks = ticks[(ticks >= first) & (ticks < end)]
    minute = ticks * STEP // MINUTE
    return Points(ticks, ticks * float(STEP), minute, minute // 60)


@dataclass
class Findings:
    """The most remarkable window at each point. `by_chance` is infinite where there is none."""

    by_chance: Floats
    events: Floats
    baseline_events: Floats
    window_seconds: Floats

    @classmethod
    def none(cls, n: int) -> "Findings":
        """Return no findings at n points."""
        return cls(np.full(n, np.inf), np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan))

    def add(
        self, where: np.ndarray, by_chance: Floats, events: Floats, expected: Floats, length: float
    ) -> None:
        """Enter the findings of a window at points with these indexes. A more certain finding stays."""
        better = by_chance < self.by_chance[where]
        chosen = where[better]
        self.by_chance[chosen] = by_chance[better]
        self.events[chosen] = events[better]
        self.baseline_events[chosen] = expected[better]
        self.window_seconds[chosen] = length

    def keep(self, condition: np.ndarray) -> "Findings":
        """Return it without the findings at other points."""
        self.by_chance = np.where(condition, self.by_chance, np.inf)
        return self


def before(times: Floats, at: Floats) -> Ints:
    """Return the number of events before each moment."""
    return np.searchsorted(times, at)
