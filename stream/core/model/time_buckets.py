"""Event time in whole milliseconds since the Unix epoch, divided into buckets and blocks.

A *pane* is the part of a cell in one bucket of event time. Panes have three resolutions. A record holds a *block* of
neighbouring panes, so that a dense cell takes some hundred records instead of thousands.
"""

from collections.abc import Sequence
from typing import NamedTuple

SECOND = 1_000
MINUTE = 60 * SECOND
QUARTER = 15 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIN_HOUR_RETENTION = 30 * DAY
"""Hour panes of tickets and customers reach back at least this far, because predicted CLV reads the last 30 days."""


class Resolution(NamedTuple):
    """One size of buckets.

    Attributes:
        code: the number of the resolution in stored block keys
        step: the length of a bucket in ms
        per_block: the number of buckets in a block
        retention: time in ms for which panes are kept behind the watermark, None if the windows decide. Two of the longest
            windows that read them, and ten minutes or two hours
    """

    code: int
    step: int
    per_block: int
    retention: int | None

    @property
    def span(self) -> int:
        """The length of a block in ms."""
        return self.step * self.per_block


RUNNING_TOTAL = Resolution(0, 0, 1, None)
"""Resolution of a stock: one pane, which never expires."""
MINUTES = Resolution(1, MINUTE, 15, 130 * MINUTE)
QUARTERS = Resolution(2, QUARTER, 24, 50 * HOUR)
HOURS = Resolution(3, HOUR, 12, None)
OPEN_ITEM_MINUTES = Resolution(4, MINUTE, 1440, None)
"""Minutes in which open items were opened. They are kept until they are zero."""

ROLLING = (MINUTES, QUARTERS, HOURS)
BY_CODE = {r.code: r for r in (RUNNING_TOTAL, *ROLLING, OPEN_ITEM_MINUTES)}


class Window(NamedTuple):
    """A rolling window of `span` milliseconds, shown under `label`."""

    label: str
    span: int

    @property
    def resolution(self) -> Resolution:
        """The resolution of its buckets: minutes up to 1 h, quarter-hours up to 24 h, hours above."""
        return MINUTES if self.span <= HOUR else QUARTERS if self.span <= DAY else HOURS

    def first(self, now: int) -> int:
        """Return the number of the window's first bucket at `now` (ms). Its last bucket contains `now`."""
        step = self.resolution.step
        return now // step - self.span // step + 1

    def contains(self, time: int, now: int) -> bool:
        """Return whether a moment is in one of the window's buckets at `now`. Both are in ms."""
        step = self.resolution.step
        return self.first(now) <= time // step <= now // step


def default_label(windows: Sequence[Window]) -> str:
    """Return the label of the window that is shown if none is selected: 24h, or the first one."""
    labels = [window.label for window in windows]
    return "24h" if "24h" in labels else labels[0]
