"""The result of a detector."""

from typing import NamedTuple

MONTH_HOURS = 720
"""Hours of a month of 30 days, the unit of all frequencies."""
HISTORY_HOURS = 7 * 24
"""Hours of history below which no detector finds anything."""


class Finding(NamedTuple):
    """The most remarkable window of a label set.

    Attributes:
        by_chance: how often a month chance alone would show something as remarkable, in any label set of the view
        events: the number of events in the window, or the figure that stands for it
        baseline_events: the number that the baseline expects
        window_seconds: the length of the window
    """

    by_chance: float
    events: float
    baseline_events: float
    window_seconds: int


def more_certain(first: Finding | None, second: Finding | None) -> Finding | None:
    """Return the finding that chance shows less often, the first of equal ones. None is no finding."""
    if first is None or second is None:
        return first or second
    return second if second.by_chance < first.by_chance else first
